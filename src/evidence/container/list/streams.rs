//! Archives whose members come one after another: tar, and one compressed stream.

use std::io::{self, Read};
use std::sync::Arc;

use super::super::fault::Fault;
use super::super::limits::Size;
use super::super::name::{Backslash, Names, member_path, without_codec};
use super::super::sniff::{Codec, Kind, read_head};
use super::super::stream::{Inflated, as_u64, drain, inflate};
use super::super::tar::{self, TarKind, TarMember, TarReader};
use super::super::{Container, Form, Origin, Place};
use super::{Lister, Outcome, member_of};
use crate::evidence::SourceFile;

impl Lister {
    pub(super) fn tar(
        &mut self,
        container: &Arc<Container>,
        reader: &mut (dyn Read + Send),
        depth: usize,
    ) -> Result<(), Fault> {
        let mark = self.mark();
        let mut names = Names::default();
        let mut tar = TarReader::new(reader);
        let outcome = loop {
            let step = match tar.next() {
                Ok(None) => break Ok(()),
                Ok(Some(member)) => {
                    self.tar_member(container, &member, &mut tar, &mut names, depth)
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = step {
                break Err(fault);
            }
        };
        self.refuse_duplicates(&container.source, &names, mark);
        outcome
    }

    fn tar_member<R: Read + Send>(
        &mut self,
        container: &Arc<Container>,
        member: &TarMember,
        tar: &mut TarReader<R>,
        names: &mut Names,
        depth: usize,
    ) -> Result<(), Fault> {
        let source = &container.source;
        if member.kind == TarKind::Folder && member_path(&member.name, Backslash::Refused).is_ok() {
            return Ok(());
        }
        let Some(path) = self.path(source, &member.name, Backslash::Refused) else { return Ok(()) };
        let shown = format!("{}/{path}", source.shown);
        let refused = match member.kind {
            TarKind::File => None,
            TarKind::Folder | TarKind::Special => {
                Some(("member-not-a-file", "neither a file nor a folder"))
            }
            TarKind::Link => Some(("member-link", "a symbolic or hard link")),
            TarKind::Sparse => {
                Some(("member-not-a-file", "a sparse file, parts of which are left out"))
            }
        };
        names.add(&path);
        if let Some((code, cause)) = refused {
            self.refuse(&shown, code, cause.to_owned());
            return Ok(());
        }
        if !self.admit(&shown, Size::plain(member.size))? {
            return Ok(());
        }
        let place = Place::Span { offset: member.offset, size: member.size };
        let inner = member_of(container, &path, place, member.recorded);
        let mark = self.mark();
        let outcome = self.member(inner, &mut *tar, None, depth).and_then(|()| tar.finish_member());
        if outcome.is_err() {
            self.take_back(mark);
        }
        outcome
    }

    /// A compressed stream: a tar archive, or one member.
    pub(super) fn stream(
        &mut self,
        source: &SourceFile,
        codec: Codec,
        reader: &mut (dyn Read + Send),
        depth: usize,
    ) -> Outcome {
        let limits = self.budget.limits;
        let mut inflated = inflate(codec, Box::new(reader), &limits);
        let (format, listed) = match read_head(&mut inflated) {
            Err(error) => (Kind::Stream(codec).format(), Err(Fault::of(&error))),
            Ok(head) if tar::is_header(&head) => {
                let container = self.container(source, Form::Tar(Some(codec)));
                let mut stream = io::Cursor::new(head).chain(&mut inflated);
                let format = match codec {
                    Codec::Gzip => "tar archive, gzip",
                    Codec::Zstd => "tar archive, zstd",
                };
                (format, self.tar(&container, &mut stream, depth))
            }
            Ok(head) => {
                let stream = io::Cursor::new(head).chain(&mut inflated);
                (Kind::Stream(codec).format(), self.single(source, codec, stream, depth))
            }
        };
        // What comes after a limit is not looked at; else the stream is read to its end, where its checksum stands.
        let end = match &listed {
            Err(Fault::Limit(..)) => Ok(0),
            _ => drain(&mut inflated),
        };
        match (end, listed) {
            (Err(error), _) => {
                let fault = Fault::of(&error);
                let spoilt = matches!(fault, Fault::Corrupt(_));
                Outcome { format, fault: Some(fault), spoilt }
            }
            (Ok(_), listed) => Outcome::of(format, listed.err()),
        }
    }

    fn single(
        &mut self,
        source: &SourceFile,
        codec: Codec,
        mut reader: io::Chain<io::Cursor<Vec<u8>>, &mut Inflated<'_>>,
        depth: usize,
    ) -> Result<(), Fault> {
        let container = self.container(source, Form::Single(codec));
        let name = source.shown.rsplit('/').next().unwrap_or_default();
        let inner = SourceFile {
            shown: format!("{}/{}", source.shown, without_codec(name)),
            named: without_codec(&source.named).to_owned(),
            size_bytes: 0,
            recorded: source.recorded,
            origin: Origin::Member(container, Place::Whole),
            ..source.clone()
        };
        let shown = inner.shown.clone();
        let mark = self.mark();
        let most = self.budget.limits.member_bytes.saturating_add(1);
        let mut limited = Counted { inner: (&mut reader).take(most), count: 0 };
        let read = self
            .member(inner, &mut limited, None, depth)
            .and_then(|()| drain(&mut limited).map_err(Fault::from));
        let size = Size { bytes: limited.count, is_dense: reader.get_ref().1.is_dense() };
        let fits = match read {
            Ok(_) => self.admit(&shown, size),
            // What follows the compressed data takes nothing from them.
            Err(Fault::Leftover(_)) => return self.admit(&shown, size).map(drop),
            Err(fault) => Err(fault),
        };
        if !matches!(fits, Ok(true)) {
            self.take_back(mark);
        }
        fits.map(drop)
    }
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count = self.count.saturating_add(as_u64(count));
        Ok(count)
    }
}
