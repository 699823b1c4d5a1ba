//! What is being written and not whole yet, in the whole process: however a run ends, nothing half written is left.
//!
//! What enters are the paths that a run is going to write. Each is written beside its place as `<path>.partial`, and all
//! of them get their names in one step ([`Unfinished::commit`]), or none: what stood there before is set aside as
//! `<path>.replaced` and put back where a rename fails. An [`Unfinished`] that is dropped without that removes what it
//! began, and the folders that it made.
//!
//! One lock is held while an entry is made, removed or renamed. [`abandon`] takes it and keeps it until the process ends,
//! so that an interruption comes before or after a commit, never in it, and nothing appears behind its back.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

/// Output could not be put in its place.
#[derive(Debug, Error)]
#[error("cannot write `{}`", path.display())]
pub struct CommitError {
    /// What was to be written.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What a run was told to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// The file or folder.
    pub path: PathBuf,
    /// Whether it is whole.
    pub complete: bool,
}

/// What is left of a run that was given up.
#[derive(Debug, Default)]
pub struct Abandoned {
    /// What it was to write.
    pub goals: Vec<Goal>,
    /// Partial output that could not be removed, and why.
    pub left: Vec<(PathBuf, io::Error)>,
}

/// A file or folder under its partial name, and the name that it is to have.
#[derive(Debug, Clone)]
struct Partial {
    at: PathBuf,
    goal: PathBuf,
}

#[derive(Debug, Default)]
struct Work {
    partial: Vec<Partial>,
    /// Folders that were made for it, outermost first.
    folders: Vec<PathBuf>,
}

#[derive(Debug)]
struct Registry {
    next: u64,
    works: BTreeMap<u64, Work>,
    goals: Vec<Goal>,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { next: 0, works: BTreeMap::new(), goals: Vec::new() });

/// A list of paths is whole between any two of its steps, so a panic while it was held spoils nothing.
fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes what a run is going to write, so that an interruption can tell what became of it.
pub fn announce(path: &Path) {
    registry().goals.push(Goal { path: path.to_owned(), complete: false });
}

/// Makes entries in a folder of [`Unfinished::folder_of_its_own`] at a time when nobody removes it. Must not be nested.
pub fn undisturbed<T>(make: impl FnOnce() -> T) -> T {
    let _held = registry();
    make()
}

/// Removes everything that is unfinished and keeps whoever writes from going on: for the end of a process only, since
/// everything else in this module waits for ever afterwards.
pub fn abandon() -> Abandoned {
    let mut registry = registry();
    let mut left = Vec::new();
    for work in std::mem::take(&mut registry.works).into_values() {
        left.extend(work.remove());
    }
    let goals = std::mem::take(&mut registry.goals);
    std::mem::forget(registry);
    Abandoned { goals, left }
}

/// Output under construction.
#[derive(Debug)]
pub struct Unfinished {
    id: u64,
    goal: PathBuf,
}

impl Unfinished {
    /// Begins with the output that is known to the user as `goal`.
    #[must_use]
    pub fn of(goal: &Path) -> Self {
        let mut registry = registry();
        let id = registry.next;
        registry.next += 1;
        registry.works.insert(id, Work::default());
        Self { id, goal: goal.to_owned() }
    }

    /// Makes a folder and those above it where they are missing; they stay if the work is committed or if anything else
    /// is in them.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&self, path: &Path) -> io::Result<()> {
        self.note(|work| {
            let missing: Vec<&Path> =
                path.ancestors().take_while(|above| is_missing(above)).collect();
            for folder in missing.into_iter().rev() {
                match fs::create_dir(folder) {
                    Ok(()) => work.folders.push(folder.to_owned()),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
            fs::create_dir_all(path)
        })
    }

    /// Begins a file: a new one under its partial name, never one that something else left or linked there.
    ///
    /// # Errors
    /// What the system says.
    pub fn file(&self, goal: &Path) -> io::Result<File> {
        self.note(|work| {
            let at = with_ending(goal, ".partial");
            match fs::remove_file(&at) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = OpenOptions::new().write(true).create_new(true).open(&at)?;
            work.partial.push(Partial { at, goal: goal.to_owned() });
            Ok(file)
        })
    }

    /// Begins a folder that is given up with everything in it; gives the path under which it is filled (see
    /// [`undisturbed`]). It replaces a folder of its name as a whole.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder_of_its_own(&self, goal: &Path) -> io::Result<PathBuf> {
        self.note(|work| {
            let at = with_ending(goal, ".partial");
            remove(&at)?;
            fs::create_dir(&at)?;
            work.partial.push(Partial { at: at.clone(), goal: goal.to_owned() });
            Ok(at)
        })
    }

    /// Gives everything its name, in the order in which it was begun, or nothing; gives the names in that order.
    ///
    /// What was begun last is the first to be set aside and the last to appear: if it is whole, all is.
    ///
    /// # Errors
    /// [`CommitError`] if something cannot be put in its place; all that stood there before stands there again.
    pub fn commit(self) -> Result<Vec<PathBuf>, CommitError> {
        let mut registry = registry();
        if let Some(work) = registry.works.get(&self.id) {
            replace(&work.partial)?;
        }
        let work = registry.works.remove(&self.id).unwrap_or_default();
        for goal in registry.goals.iter_mut().filter(|goal| goal.path == self.goal) {
            goal.complete = true;
        }
        Ok(work.partial.into_iter().map(|partial| partial.goal).collect())
    }

    fn note<T>(&self, make: impl FnOnce(&mut Work) -> T) -> T {
        make(registry().works.entry(self.id).or_default())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut registry = registry();
        if let Some(work) = registry.works.remove(&self.id) {
            // The error that brought us here is the one to tell; a leftover carries its own name.
            drop(work.remove());
        }
    }
}

impl Work {
    /// Removes what was begun and the folders that were made for it, as far as they are empty.
    fn remove(self) -> Vec<(PathBuf, io::Error)> {
        let mut left = Vec::new();
        for partial in self.partial {
            if let Err(error) = remove(&partial.at) {
                left.push((partial.at, error));
            }
        }
        for folder in self.folders.iter().rev() {
            // Not empty: somebody else's files are in it.
            drop(fs::remove_dir(folder));
        }
        left
    }
}

/// Sets aside what stands in the way, renames, and undoes all of it if one step fails.
fn replace(partial: &[Partial]) -> Result<(), CommitError> {
    let mut steps = Vec::new();
    let done = set_aside(partial, &mut steps).and_then(|()| {
        partial.iter().try_for_each(|partial| step(&partial.at, &partial.goal, &mut steps))
    });
    if let Err((path, source)) = done {
        for (from, to) in steps.iter().rev() {
            // The first failure is the one to tell; what cannot be put back keeps the name that tells what it is.
            drop(fs::rename(to, from));
        }
        return Err(CommitError { path, source });
    }
    for (from, to) in steps {
        if partial.iter().any(|partial| partial.goal == from) {
            // All is in its place; a leftover carries its own name.
            drop(remove(&to));
        }
    }
    Ok(())
}

type Steps = Vec<(PathBuf, PathBuf)>;

fn set_aside(partial: &[Partial], steps: &mut Steps) -> Result<(), (PathBuf, io::Error)> {
    for Partial { at, goal } in partial.iter().rev() {
        let failed = |error| (goal.clone(), error);
        let before = match fs::symlink_metadata(goal) {
            Ok(before) => before,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let new = fs::symlink_metadata(at).map_err(failed)?;
        if before.is_dir() != new.is_dir() {
            let kind = if before.is_dir() {
                io::ErrorKind::IsADirectory
            } else {
                io::ErrorKind::NotADirectory
            };
            return Err(failed(kind.into()));
        }
        let aside = with_ending(goal, ".replaced");
        if before.is_dir() {
            remove(&aside).map_err(failed)?;
        }
        step(goal, &aside, steps)?;
    }
    Ok(())
}

fn step(from: &Path, to: &Path, steps: &mut Steps) -> Result<(), (PathBuf, io::Error)> {
    fs::rename(from, to).map_err(|error| (to.to_owned(), error))?;
    steps.push((from.to_owned(), to.to_owned()));
    Ok(())
}

fn is_missing(path: &Path) -> bool {
    !path.as_os_str().is_empty() && !path.exists()
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("")).to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Removes a file, or a folder with everything in it, or nothing where nothing is.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Lets nobody but its owner read a file.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub(crate) fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

/// As on Unix, as far as the system knows of it.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "Unix may refuse")]
pub(crate) fn keep_private(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(unfinished: &Unfinished, path: &Path, text: &str) {
        unfinished.file(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_dropped_leaves_nothing_but_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b/c");
        let unfinished = Unfinished::of(&deep);
        unfinished.folder(&deep).unwrap();
        write(&unfinished, &deep.join("x"), "x");
        fs::create_dir_all(unfinished.folder_of_its_own(&deep.join("t")).unwrap().join("u"))
            .unwrap();
        fs::write(place.path().join("a/mine"), "").unwrap();
        assert_eq!(names(&deep), ["t.partial", "x.partial"]);
        drop(unfinished);
        assert_eq!(names(place.path()), ["a"]);
        assert_eq!(names(&place.path().join("a")), ["mine"]);
    }

    #[test]
    fn what_is_committed_replaces_files_and_whole_folders() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("f"), place.path().join("d"));
        for (text, inner) in [("one", "old"), ("two", "new")] {
            let unfinished = Unfinished::of(place.path());
            write(&unfinished, &file, text);
            let at = unfinished.folder_of_its_own(&folder).unwrap();
            fs::write(at.join(inner), "").unwrap();
            assert_eq!(unfinished.commit().unwrap(), [file.clone(), folder.clone()]);
        }
        assert_eq!(names(place.path()), ["d", "f"]);
        assert_eq!(
            (fs::read_to_string(&file).unwrap().as_str(), names(&folder)),
            ("two", vec!["new".to_owned()])
        );
    }

    #[test]
    fn all_is_as_it_was_where_one_thing_has_no_place() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "old").unwrap();
        fs::write(place.path().join("c"), "old").unwrap();
        fs::create_dir(place.path().join("b")).unwrap();
        let unfinished = Unfinished::of(place.path());
        for name in ["a", "b", "c"] {
            write(&unfinished, &place.path().join(name), "new");
        }
        assert_eq!(unfinished.commit().unwrap_err().path, place.path().join("b"));
        assert_eq!(names(place.path()), ["a", "b", "c"]);
        for name in ["a", "c"] {
            assert_eq!(fs::read_to_string(place.path().join(name)).unwrap(), "old");
        }
    }

    #[test]
    fn what_a_killed_run_left_is_in_nobodys_way() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("f"), place.path().join("d"));
        for ending in ["", ".partial", ".replaced"] {
            fs::write(with_ending(&file, ending), "left").unwrap();
            fs::create_dir_all(with_ending(&folder, ending).join("left")).unwrap();
        }
        let unfinished = Unfinished::of(place.path());
        write(&unfinished, &file, "new");
        unfinished.folder_of_its_own(&folder).unwrap();
        unfinished.commit().unwrap();
        assert_eq!(names(place.path()), ["d", "f"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn a_folder_that_stands_where_a_file_is_begun_is_not_removed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("f.partial/mine")).unwrap();
        let unfinished = Unfinished::of(place.path());
        assert!(unfinished.file(&place.path().join("f")).is_err());
        drop(unfinished);
        assert_eq!(names(&place.path().join("f.partial")), ["mine"]);
    }
}
