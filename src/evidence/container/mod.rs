//! Archives as evidence: zip, tar, gzip and zstd, read as streams and never written anywhere.
//!
//! Enters a file; leaves its members as exhibits, the archives themselves for custody, and by name what was refused.
//! An archive is recognised by its first bytes. Listing reads each archive once from its beginning to its end (its
//! hash is made on the way); a zip archive's members are then opened one by one by their place, while a compressed tar
//! archive is passed through once for all its members ([`pass`]). An archive inside a compressed one is streamed if it
//! is a tar archive, and held in memory, under a limit, if it is a zip archive.
//!
//! What stops an archive early leaves what came before usable, and says where it stopped. Only where a checksum of a
//! whole stream is wrong nothing of it is used: any of its members may be the altered one.

mod fault;
mod hashing;
mod limits;
mod list;
mod name;
mod pass;
mod sniff;
mod store;
mod stream;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

pub use limits::{LIMITS, Limits};
pub use list::Carrier;
pub use pass::stream_each;

pub(super) use hashing::Hashing;
pub(super) use list::list;
pub(super) use name::readable;

use std::io;
use std::sync::Arc;

use self::fault::Fault;
use self::sniff::Codec;
use self::store::{Stamp, Store};
use self::stream::{Exact, Stream, drain, inflate};
use self::zip::ZipPlace;
use super::{EvidenceError, SourceFile};

/// Where an exhibit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file on disk.
    File,
    /// A member of an archive.
    Member(Arc<Container>, Place),
}

impl Origin {
    /// The archive that it is in.
    pub(super) fn container(&self) -> Option<&SourceFile> {
        match self {
            Self::File => None,
            Self::Member(container, _) => Some(&container.source),
        }
    }

    pub(super) fn container_shown(&self) -> Option<&str> {
        self.container().map(|container| container.shown.as_str())
    }
}

/// An archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Container {
    source: SourceFile,
    form: Form,
    /// What the file on disk was when it was listed.
    stamp: Stamp,
    limits: Limits,
}

/// How the members of an archive are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Zip,
    Tar(Option<Codec>),
    Single(Codec),
}

/// Where a member is in its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Member of a zip archive.
    Zip(ZipPlace),
    /// A stretch of the decompressed tar stream.
    Span {
        /// Where it begins.
        offset: u64,
        /// How long it is.
        size: u64,
    },
    /// All of a compressed stream.
    Whole,
}

/// What an error of a stream of a member means.
pub(super) fn meaning(error: &io::Error, file: &SourceFile) -> EvidenceError {
    Fault::of(error).error(file)
}

/// Fails if the file on disk that a member is in is no longer what was listed.
pub(super) fn unchanged(file: &SourceFile) -> Result<(), EvidenceError> {
    match &file.origin {
        Origin::File => Ok(()),
        Origin::Member(container, _) => {
            container.stamp.check(&file.path).map_err(|fault| fault.error(file))
        }
    }
}

/// Opens one member by itself; see [`SourceFile::open`].
pub(super) fn open(file: &SourceFile) -> Result<Stream<'static>, Fault> {
    let Origin::Member(container, place) = &file.origin else {
        return Ok(Box::new(std::fs::File::open(&file.path)?));
    };
    if let Some(store) = container.store()? {
        return match place {
            Place::Zip(place) => zip::open(&store, place),
            Place::Span { offset, size } => {
                Ok(Box::new(Exact::new(store.part(*offset, *size).reader(), *size)))
            }
            Place::Whole => Err(Fault::Corrupt("a stream has no members".to_owned())),
        };
    }
    let mut source = container.open()?;
    match (container.form, place) {
        (Form::Zip, Place::Zip(place)) => {
            let store = Store::held(&mut *source, container.limits.held_bytes)?;
            zip::open(&store, place)
        }
        (Form::Tar(codec), Place::Span { offset, size }) => {
            let mut stream: Stream<'static> = match codec {
                Some(codec) => Box::new(inflate(codec, source, &container.limits)),
                None => source,
            };
            drain(&mut Exact::new(&mut stream, *offset))?;
            Ok(Box::new(Exact::new(stream, *size)))
        }
        (Form::Single(codec), Place::Whole) => {
            Ok(Box::new(inflate(codec, source, &container.limits)))
        }
        _ => Err(Fault::Corrupt("a member of another kind of archive".to_owned())),
    }
}

impl Container {
    /// Its own bytes as a stream.
    fn open(&self) -> Result<Stream<'static>, Fault> {
        match &self.source.origin {
            Origin::File => Ok(Box::new(self.stamp.open(&self.source.path)?)),
            Origin::Member(..) => open(&self.source),
        }
    }

    /// Whether its members can be read from their places, without anything before them.
    fn has_places(&self) -> bool {
        let sequential = matches!(self.form, Form::Tar(Some(_)) | Form::Single(_));
        !sequential && self.stands_as_it_is()
    }

    /// Whether its bytes stand on disk as they are.
    fn stands_as_it_is(&self) -> bool {
        match &self.source.origin {
            Origin::File => true,
            Origin::Member(outer, place) => {
                let as_it_is = match place {
                    Place::Zip(place) => zip::is_stored(place),
                    Place::Span { .. } => true,
                    Place::Whole => false,
                };
                as_it_is && outer.has_places()
            }
        }
    }

    /// Its bytes with random access, if they stand on disk as they are and its members have places.
    fn store(&self) -> Result<Option<Store>, Fault> {
        if !self.has_places() {
            return Ok(None);
        }
        match &self.source.origin {
            Origin::File => {
                let file = self.stamp.open(&self.source.path)?;
                Ok(Some(Store::file(file, self.stamp.len)))
            }
            Origin::Member(outer, place) => Ok(match (outer.store()?, place) {
                (Some(store), Place::Zip(place)) => zip::stored(&store, place),
                (Some(store), Place::Span { offset, size }) => Some(store.part(*offset, *size)),
                _ => None,
            }),
        }
    }
}
