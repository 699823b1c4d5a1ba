//! Runs that end early leave no half-written output, and progress is for terminals only.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use entrace::synth::{SynthOptions, write_tenant};

use crate::evidence::{Evidence, people};
use crate::program::{binary, command};

/// A run that goes on while the test looks.
struct Running {
    child: Child,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap() }
    }

    /// Waits until it can take a signal, or is over.
    fn listening(mut self) -> Self {
        while self.goes_on() && !has_signal(self.child.id(), "SigCgt:", TERM) {
            thread::park_timeout(Duration::from_millis(1));
        }
        self
    }

    fn goes_on(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Exit code, and what it said.
    fn end(mut self) -> (i32, String) {
        let mut talk = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), talk)
    }
}

const HUP: (&str, u32) = ("HUP", 1);
const INT: (&str, u32) = ("INT", 2);
const TERM: (&str, u32) = ("TERM", 15);

fn has_signal(process: u32, mask: &str, (_, number): (&str, u32)) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix(mask)).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() >> (number - 1) & 1 == 1
}

/// Whether signals reach what is started from here: a background job is born deaf to Ctrl-C.
fn reaches((name, number): (&str, u32)) -> bool {
    !has_signal(std::process::id(), "SigIgn:", (name, number))
}

/// A shell that waits for a line and then sends signals at once.
fn sender(to: u32, signals: &[&str]) -> Child {
    let kills: Vec<String> = signals.iter().map(|name| format!("kill -{name} {to}")).collect();
    let script = format!("read line; {}", kills.join("; "));
    Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap()
}

fn send(mut sender: Child) {
    sender.stdin.take().unwrap().write_all(b"now\n").unwrap();
    sender.wait().unwrap();
}

fn report(evidence: &Path, out: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("report").arg(evidence).arg("-o").arg(out);
    command
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn an_interrupted_report_says_so_and_leaves_nothing() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9));
    // Takes a while to read and no room on disk.
    fs::File::create(evidence.root().join("zeros.json")).unwrap().set_len(400 << 20).unwrap();
    let out = evidence.beside("new/out");
    for signal in [INT, TERM, HUP].into_iter().filter(|signal| reaches(*signal)) {
        let run = Running::start(&mut report(&evidence.root(), &out)).listening();
        send(sender(run.child.id(), &[signal.0]));
        let (code, talk) = run.end();
        assert_eq!(code, 130, "{}: {talk}", signal.0);
        let line = format!("entrace: interrupted: nothing was written to `{}`\n", out.display());
        assert_eq!(talk, line);
        assert!(!evidence.beside("new").exists());
    }
}

#[test]
fn signals_that_were_ignored_before_stay_ignored() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9));
    fs::File::create(evidence.root().join("zeros.json")).unwrap().set_len(100 << 20).unwrap();
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(binary());
    nohup.arg("snapshots").arg(evidence.root());
    let run = Running::start(&mut nohup).listening();
    send(sender(run.child.id(), &["HUP"]));
    let (code, talk) = run.end();
    assert_eq!(code, 0, "{talk}");
    assert!(!talk.contains("interrupted"), "{talk}");
}

/// The run is stopped as soon as it has begun to write, and goes on with the signal in hand. It may be through with it
/// all the same: then it is complete, and another one is tried.
#[test]
fn a_report_that_is_interrupted_while_it_writes_leaves_the_earlier_one() {
    let place = tempfile::tempdir().unwrap();
    let (tenant, out) = (place.path().join("tenant"), place.path().join("out"));
    let options = SynthOptions { users: 1_500, snapshots: 2, ..SynthOptions::default() };
    write_tenant(&options, &tenant).unwrap();
    let (code, talk) = Running::start(report(&tenant, &out).args(["--type", "group"])).end();
    assert!(matches!(code, 0 | 3), "{talk}");
    fs::write(out.join("mine.txt"), "notes").unwrap();
    let before = files(&out);
    for _attempt in 0..20 {
        let mut run = Running::start(&mut report(&tenant, &out));
        let sender = sender(run.child.id(), &["STOP", "TERM", "CONT"]);
        while run.goes_on() && !out.join("report.html.partial").exists() {
            thread::park_timeout(Duration::from_millis(1));
        }
        send(sender);
        let (code, talk) = run.end();
        let after = files(&out);
        assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        if code == 130 && talk.contains("nothing was written") {
            assert!(after == before, "{talk}");
            return;
        }
        assert!(matches!(code, 0 | 3) || talk.contains("is complete"), "{code}: {talk}");
        let (code, talk) = Running::start(report(&tenant, &out).args(["--type", "group"])).end();
        assert!(matches!(code, 0 | 3), "{talk}");
    }
    panic!("no run was interrupted while it wrote");
}

#[test]
fn an_interrupted_synth_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("new/tenant");
    let mut run = Running::start(
        Command::new(binary())
            .args(["synth", "--users", "60000", "--snapshots", "4", "-o"])
            .arg(&out),
    );
    let sender = sender(run.child.id(), &["TERM"]);
    while run.goes_on() && !out.exists() {
        thread::park_timeout(Duration::from_millis(1));
    }
    send(sender);
    let (code, talk) = run.end();
    assert_eq!(code, 130, "{talk}");
    assert!(talk.contains("nothing was written to"), "{talk}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn synth_replaces_what_it_wrote_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("tenant");
    let synth = |snapshots: &str| {
        let arguments = ["synth", "--users", "60", "--snapshots", snapshots, "-o"];
        command().args(arguments).arg(&out).assert().success();
        files(place.path())
    };
    let (three, two) = (synth("3"), synth("2"));
    assert!(two.len() < three.len());
    fs::write(out.join("mine.txt"), "notes").unwrap();
    let mut again = synth("2");
    assert_eq!(again.remove(&out.join("mine.txt")).unwrap(), b"notes");
    assert!(again == two);
}

#[test]
fn a_report_that_fails_leaves_the_earlier_one() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    let out = evidence.report(&["--type", "group"]).out;
    fs::remove_file(out.join("warnings.csv")).unwrap();
    fs::create_dir(out.join("warnings.csv")).unwrap();
    let before = files(&out);
    let failed = evidence.report(&[]).ran.ended(5);
    assert!(failed.stderr.contains("warnings.csv"), "{}", failed.stderr);
    assert!(files(&out) == before);
}

#[test]
fn progress_is_for_terminals_only() {
    let evidence = Evidence::new();
    evidence.users(1, people(1..9)).users(2, people(2..10));
    fs::File::create(evidence.root().join("zeros.json")).unwrap().set_len(200 << 20).unwrap();
    for quiet in [&[][..], &["--quiet"]] {
        for verb in ["snapshots", "timeline"] {
            let talk = evidence.run(verb, quiet).ended(0).stderr;
            assert!(!talk.contains(['\x1b', '\r']) && !talk.contains("reading"), "{talk:?}");
        }
    }
}
