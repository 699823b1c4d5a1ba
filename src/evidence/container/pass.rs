//! Reads many exhibits, passing through each archive once.
//!
//! Files, and members that have places on disk, are opened one by one, in parallel. Members of a compressed tar
//! archive, and of an archive inside a compressed one, are handed out in the order of the stream during one pass; two
//! archives are passed through in parallel. So the work is linear in the decompressed bytes.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use rayon::prelude::*;

use super::fault::Fault;
use super::store::Store;
use super::stream::{Exact, Stream, drain, inflate};
use super::{Container, Form, Origin, Place, zip};
use crate::evidence::{EvidenceError, SourceFile};

/// Hands a stream of each of `files` to `work` and gives what it makes of it, in the order of `files`.
///
/// Streams as [`SourceFile::open`] gives them; constant memory. `work` need not read to the end. It runs in parallel for
/// different archives, and one after another for members of one that is passed through.
pub fn stream_each<T: Send>(
    files: &[&SourceFile],
    work: impl Fn(usize, Result<&mut (dyn Read + Send), EvidenceError>) -> T + Sync,
) -> Vec<T> {
    let one = |at: usize, file: &SourceFile| {
        let done = match file.open() {
            Ok(mut reader) => work(at, Ok(&mut *reader)),
            Err(error) => work(at, Err(error)),
        };
        vec![(at, done)]
    };
    let all = |wanted: &[Wanted<'_>]| {
        let mut done = Vec::with_capacity(wanted.len());
        pass(wanted, &mut |wanted, reader| done.push((wanted.at, work(wanted.at, reader))));
        done
    };
    in_order(files, one, all)
}

fn in_order<T: Send>(
    files: &[&SourceFile],
    one: impl Fn(usize, &SourceFile) -> Vec<(usize, T)> + Sync,
    all: impl Fn(&[Wanted<'_>]) -> Vec<(usize, T)> + Sync,
) -> Vec<T> {
    let (alone, passes) = plan(files);
    let (mut done, rest): (Vec<_>, Vec<_>) = rayon::join(
        || alone.into_par_iter().flat_map_iter(|wanted| one(wanted.at, wanted.file)).collect(),
        || passes.par_iter().flat_map_iter(|wanted| all(wanted)).collect(),
    );
    done.extend(rest);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

/// An exhibit to read, with the archives that it is in, outermost first.
struct Wanted<'a> {
    at: usize,
    file: &'a SourceFile,
    chain: Vec<(&'a Arc<Container>, Place)>,
}

/// Takes a stream of an exhibit, or why there is none.
type Consume<'c> = &'c mut dyn FnMut(&Wanted<'_>, Result<&mut (dyn Read + Send), EvidenceError>);

/// Exhibits that are opened alone, and those of each archive that must be passed through.
fn plan<'a>(files: &[&'a SourceFile]) -> (Vec<Wanted<'a>>, Vec<Vec<Wanted<'a>>>) {
    let mut alone = Vec::new();
    let mut passes: BTreeMap<usize, Vec<Wanted<'a>>> = BTreeMap::new();
    let mut seen: Vec<(*const Container, usize)> = Vec::new();
    for (at, file) in files.iter().copied().enumerate() {
        let mut chain = Vec::new();
        let mut here = file;
        while let Origin::Member(container, place) = &here.origin {
            chain.push((container, *place));
            here = &container.source;
        }
        chain.reverse();
        let through = chain.iter().position(|(container, _)| container.is_passed_through());
        let Some(level) = through else {
            alone.push(Wanted { at, file, chain: Vec::new() });
            continue;
        };
        chain.drain(..level);
        let Some((container, _)) = chain.first() else { continue };
        let key = Arc::as_ptr(container);
        // Members of one archive come one after another: the last group is nearly always theirs.
        let group = seen.iter().rev().find(|(known, _)| *known == key).map(|(_, group)| *group);
        let group = group.unwrap_or_else(|| {
            seen.push((key, seen.len()));
            seen.len() - 1
        });
        passes.entry(group).or_default().push(Wanted { at, file, chain });
    }
    (alone, passes.into_values().collect())
}

impl Container {
    /// Whether its members come out one after another only.
    fn is_passed_through(&self) -> bool {
        match self.form {
            Form::Tar(Some(_)) => true,
            Form::Zip | Form::Tar(None) => !self.stands_as_it_is(),
            // Its one member costs no more than itself.
            Form::Single(_) => false,
        }
    }
}

/// Passes through the archive that all of `wanted` are in.
fn pass(wanted: &[Wanted<'_>], consume: Consume<'_>) {
    let Some((container, _)) = wanted.first().and_then(|first| first.chain.first()) else { return };
    let container = Arc::clone(container);
    let mut group: Vec<&Wanted<'_>> = wanted.iter().collect();
    match container.open() {
        Ok(mut stream) => deliver(&container, &mut *stream, 0, &mut group, consume),
        Err(fault) => refuse(&group, &fault, consume),
    }
}

fn refuse(wanted: &[&Wanted<'_>], fault: &Fault, consume: Consume<'_>) {
    for wanted in wanted {
        consume(wanted, Err(fault.error(wanted.file)));
    }
}

/// Hands out the members of an archive that is read as `stream`; it is the one at `level` of each chain.
fn deliver(
    container: &Container,
    stream: &mut (dyn Read + Send),
    level: usize,
    wanted: &mut [&Wanted<'_>],
    consume: Consume<'_>,
) {
    match container.form {
        Form::Zip => deliver_zip(container, stream, level, wanted, consume),
        Form::Single(codec) => {
            let mut inflated = inflate(codec, Box::new(stream), &container.limits);
            give(&mut inflated, level, wanted, consume);
        }
        Form::Tar(codec) => {
            let mut stream: Stream<'_> = match codec {
                Some(codec) => Box::new(inflate(codec, Box::new(stream), &container.limits)),
                None => Box::new(stream),
            };
            wanted.sort_by_key(|wanted| (span_of(wanted, level), wanted.at));
            let mut position = 0_u64;
            for group in wanted.chunk_by_mut(|a, b| span_of(a, level) == span_of(b, level)) {
                let Some((offset, size)) = group.first().map(|first| span_of(first, level)) else {
                    continue;
                };
                // Members never overlap: each begins behind the one before.
                let between = offset.saturating_sub(position);
                if let Err(error) = drain(&mut Exact::new(&mut stream, between)) {
                    refuse(group, &Fault::of(&error), consume);
                    continue;
                }
                let mut member = Exact::new(&mut stream, size);
                give(&mut member, level, group, consume);
                // An error comes again, and is said, when the next member is looked for.
                position = match drain(&mut member) {
                    Ok(_) => offset.saturating_add(size),
                    Err(_) => position,
                };
            }
        }
    }
}

fn span_of(wanted: &Wanted<'_>, level: usize) -> (u64, u64) {
    match wanted.chain.get(level) {
        Some((_, Place::Span { offset, size })) => (*offset, *size),
        _ => (u64::MAX, 0),
    }
}

fn deliver_zip(
    container: &Container,
    stream: &mut (dyn Read + Send),
    level: usize,
    wanted: &mut [&Wanted<'_>],
    consume: Consume<'_>,
) {
    let store = match Store::held(stream, container.limits.held_bytes) {
        Ok(store) => store,
        Err(fault) => return refuse(wanted, &fault, consume),
    };
    let place_of = |wanted: &Wanted<'_>| match wanted.chain.get(level) {
        Some((_, Place::Zip(place))) => Some(*place),
        _ => None,
    };
    wanted.sort_by_key(|wanted| (place_of(wanted).map(zip::ZipPlace::start), wanted.at));
    for group in wanted.chunk_by_mut(|a, b| place_of(a) == place_of(b)) {
        let Some(place) = group.first().and_then(|first| place_of(first)) else { continue };
        match zip::open(&store, &place) {
            Ok(mut member) => give(&mut *member, level, group, consume),
            Err(fault) => refuse(group, &fault, consume),
        }
    }
}

/// Hands a member to whoever wants it: one exhibit, or the exhibits inside it if it is an archive.
fn give(
    member: &mut (dyn Read + Send),
    level: usize,
    group: &mut [&Wanted<'_>],
    consume: Consume<'_>,
) {
    let inner = group.iter().find_map(|wanted| wanted.chain.get(level + 1));
    if let Some((container, _)) = inner {
        let container = Arc::clone(container);
        deliver(&container, member, level + 1, group, consume);
        return;
    }
    let Some((first, again)) = group.split_first() else { return };
    consume(first, Ok(member));
    // The same exhibit asked for twice is read twice.
    for wanted in again {
        match wanted.file.open() {
            Ok(mut reader) => consume(wanted, Ok(&mut *reader)),
            Err(error) => consume(wanted, Err(error)),
        }
    }
}
