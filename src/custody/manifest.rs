//! Manifests that others wrote: which file has which digest.
//!
//! Enters the text of a manifest; leaves names with digests, and what of it could not be used. Lines may be those of
//! `sha256sum` and its like (`HEX  name`, `HEX *name`), of their option `--tag` and of OpenSSL (`SHA256 (name) = HEX`), of
//! `b3sum`, of hashdeep (`%%%% HASHDEEP-1.0`, columns named in its second line), or entries of a bag (RFC 8493), which are
//! known by the name of the file. UTF-8 or UTF-16 with or without mark, lines end in LF or CR LF.
//!
//! Names are taken as they were written: the coreutils begin a line with `\` where they write a backslash, a line feed or a
//! carriage return as an escape, `b3sum` does the same, bags write `%0A`, `%0D` and `%25`.
//!
//! `sha256sum` and `b3sum` write lines of one form: a digest of 64 digits without a name of its algorithm may be either, and
//! is held against both. MD5 and SHA-1 can be made to collide and prove nothing against who chose the bytes: they are counted
//! and not compared.

use crate::evidence::{decode, readable_name};

/// A digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digest {
    /// SHA-256.
    Sha256(String),
    /// BLAKE3 of 256 bits.
    Blake3(String),
    /// SHA-256 or BLAKE3: the line does not say which.
    Either(String),
    /// SHA-512.
    Sha512(String),
}

/// What a manifest says of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its name as it was written, without escapes.
    pub name: String,
    /// Its digests.
    pub digests: Vec<Digest>,
    /// Its size, where it is said.
    pub size_bytes: Option<u64>,
}

/// A manifest that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Its files, in the order of its lines; one name may stand several times.
    pub files: Vec<Known>,
    /// Lines with digests that are not compared: MD5, SHA-1, and what is not known here.
    pub not_compared: usize,
    /// Numbers of lines that are no entries, from 1.
    pub bad_lines: Vec<usize>,
}

/// A digest by the name of its algorithm and its digits: `Ok(None)` if it is one that is not compared.
fn digest(algorithm: &str, hex: &str) -> Result<Option<Digest>, ()> {
    let hex = hex.to_ascii_lowercase();
    if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(());
    }
    let sized = |digits: usize, digest: fn(String) -> Digest| {
        if hex.len() == digits { Ok(Some(digest(hex.clone()))) } else { Err(()) }
    };
    match algorithm.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA256" | "SHA2256" => sized(64, Digest::Sha256),
        "SHA512" | "SHA2512" => sized(128, Digest::Sha512),
        "BLAKE3" => sized(64, Digest::Blake3),
        "" => match hex.len() {
            64 => Ok(Some(Digest::Either(hex))),
            128 => Ok(Some(Digest::Sha512(hex))),
            // MD5, SHA-1, SHA-224, SHA-384.
            32 | 40 | 56 | 96 => Ok(None),
            _ => Err(()),
        },
        _ => Ok(None),
    }
}

/// One line: `Ok(None)` if its digest is not compared.
type Line = Result<Option<Known>, ()>;

fn known(name: &[u8], size_bytes: Option<u64>, digest: Option<Digest>) -> Option<Known> {
    Some(Known { name: readable_name(name), digests: vec![digest?], size_bytes })
}

/// A name without the escapes of the coreutils.
fn unescaped(name: &[u8]) -> Result<Vec<u8>, ()> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'\\') => b'\\',
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                _ => return Err(()),
            },
            plain => *plain,
        });
    }
    Ok(plain)
}

/// `HEX  name`, `HEX *name` or `ALGORITHM (name) = HEX`, with a backslash before it where the name is escaped.
fn sum_line(line: &[u8]) -> Line {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let name_of = |name: &[u8]| if escaped { unescaped(name) } else { Ok(name.to_vec()) };
    if let Some((algorithm, name, hex)) = tagged(line) {
        let digest = digest(algorithm, hex)?;
        return Ok(known(&name_of(name)?, None, digest));
    }
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).ok_or(())?;
    let (hex, rest) = line.split_at_checked(end).ok_or(())?;
    let name = rest.get(1..).ok_or(())?;
    // The second sign tells how the file was read, which matters nowhere.
    let name = name.strip_prefix(b" ").or(name.strip_prefix(b"*")).unwrap_or(name);
    if name.is_empty() {
        return Err(());
    }
    let digest = digest("", std::str::from_utf8(hex).map_err(|_no_digits| ())?)?;
    Ok(known(&name_of(name)?, None, digest))
}

/// `ALGORITHM (name) = HEX` of BSD, `ALGORITHM(name)= HEX` of OpenSSL.
fn tagged(line: &[u8]) -> Option<(&str, &[u8], &str)> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let (algorithm, rest) = line.split_at_checked(open)?;
    let algorithm = std::str::from_utf8(algorithm).ok()?;
    let algorithm = algorithm.strip_suffix(' ').unwrap_or(algorithm);
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_');
    if algorithm.is_empty() || !algorithm.chars().all(sound) {
        return None;
    }
    let close = memchr::memmem::rfind(rest, b")")?;
    let name = rest.get(1..close)?;
    let hex = std::str::from_utf8(rest.get(close + 1..)?).ok()?;
    let hex = hex.trim_start_matches(' ').strip_prefix('=')?.trim_matches(' ');
    Some((algorithm, name, hex))
}

/// A line of hashdeep: columns, and the name last, which may hold commas.
fn hashdeep_line(line: &[u8], columns: &[String]) -> Line {
    let mut rest = line;
    let mut found = Known::default();
    let mut other = 0;
    for (place, column) in columns.iter().enumerate() {
        if place + 1 == columns.len() {
            break;
        }
        let comma = rest.iter().position(|byte| *byte == b',').ok_or(())?;
        let (cell, behind) = rest.split_at_checked(comma).ok_or(())?;
        rest = behind.get(1..).ok_or(())?;
        let cell = std::str::from_utf8(cell).map_err(|_no_digits| ())?;
        if column == "size" {
            found.size_bytes = Some(cell.parse().map_err(|_no_number| ())?);
        } else {
            match digest(column, cell)? {
                Some(digest) => found.digests.push(digest),
                None => other += 1,
            }
        }
    }
    if rest.is_empty() || (found.digests.is_empty() && other == 0) {
        return Err(());
    }
    found.name = readable_name(rest);
    Ok((!found.digests.is_empty()).then_some(found))
}

/// An entry of a manifest of a bag.
fn bag_line(line: &[u8], algorithm: &str) -> Line {
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).ok_or(())?;
    let (hex, rest) = line.split_at_checked(end).ok_or(())?;
    let start = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).ok_or(())?;
    let name = readable_name(rest.get(start..).ok_or(())?);
    let name = name.strip_prefix('*').unwrap_or(&name);
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = bag_name(name);
    if name.is_empty() || name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(());
    }
    let digest = digest(algorithm, std::str::from_utf8(hex).map_err(|_no_digits| ())?)?;
    Ok(digest.map(|digest| Known { name, digests: vec![digest], size_bytes: None }))
}

/// A name as it stands in a manifest of a bag, without its percent codes (RFC 8493, 2.1.3).
fn bag_name(name: &str) -> String {
    let name = name.replace("%0D", "\r").replace("%0d", "\r").replace("%0A", "\n");
    name.replace("%0a", "\n").replace("%25", "%")
}

/// The algorithm in the name of a manifest of a bag.
#[must_use]
pub fn bag_algorithm(file_name: &str) -> Option<&str> {
    let rest = file_name.strip_prefix("tag").unwrap_or(file_name);
    rest.strip_prefix("manifest-")?.strip_suffix(".txt").filter(|rest| !rest.is_empty())
}

/// Reads a manifest; its file name tells whether it is one of a bag.
#[must_use]
pub fn parse(file_name: &str, bytes: &[u8]) -> Manifest {
    let text = decode(bytes);
    let bag = bag_algorithm(file_name);
    let mut manifest = Manifest::default();
    let mut columns: Option<Vec<String>> = None;
    for (number, line) in text.bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(head) = line.strip_prefix(b"%%%% ") {
            let head = String::from_utf8_lossy(head);
            let named = head.starts_with("size,").then(|| head.split(',').map(str::to_owned));
            columns = Some(named.map(Iterator::collect).or(columns).unwrap_or_default());
            continue;
        }
        let comment = columns.is_some() && line.starts_with(b"#");
        if line.is_empty() || comment {
            continue;
        }
        let read = match (bag, &columns) {
            (Some(algorithm), _) => bag_line(line, algorithm),
            (None, Some(columns)) => hashdeep_line(line, columns),
            (None, None) => sum_line(line),
        };
        match read {
            Ok(Some(known)) => manifest.files.push(known),
            Ok(None) => manifest.not_compared += 1,
            Err(()) => manifest.bad_lines.push(number + 1),
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn names(file_name: &str, text: &str) -> Vec<String> {
        let manifest = parse(file_name, text.as_bytes());
        assert_eq!((manifest.not_compared, manifest.bad_lines.len()), (0, 0), "{text}");
        manifest.files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn lines_of_every_writer_are_read() {
        let upper = A.to_uppercase();
        let text = format!(
            "\u{feff}{A}  a b.json\r\n{upper} *c.json\n\\{A}  d\\\\e\\nf\nSHA256 (g (1).json) = {A}\nSHA2-256(h)= {A}\nBLAKE3 (i) = {A}\n{A} j\n"
        );
        let expected = ["a b.json", "c.json", "d\\e\nf", "g (1).json", "h", "i", "j"];
        assert_eq!(names("sums.txt", &text), expected);
        let found = parse("b3sums", text.as_bytes()).files;
        assert_eq!(found[0].digests, [Digest::Either(A.to_owned())]);
        assert_eq!(found[3].digests, [Digest::Sha256(A.to_owned())]);
        assert_eq!(found[5].digests, [Digest::Blake3(A.to_owned())]);
    }

    #[test]
    fn hashdeep_is_read_by_its_columns() {
        let md5 = "b".repeat(32);
        let text = format!(
            "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /cases\n## $ hashdeep -r x\n## \n12,{md5},{A},/cases/x/a,b.json\n"
        );
        let found = parse("known.txt", text.as_bytes());
        assert_eq!(found.bad_lines, [0_usize; 0]);
        assert_eq!(found.files.len(), 1);
        assert_eq!(found.files[0].name, "/cases/x/a,b.json");
        assert_eq!(found.files[0].size_bytes, Some(12));
        assert_eq!(found.files[0].digests, [Digest::Sha256(A.to_owned())]);
    }

    #[test]
    fn bags_write_percent_codes() {
        let text = format!("{A} data/a%25b%0Ac.json\n{A}\t*./data/d\n");
        assert_eq!(names("manifest-sha256.txt", &text), ["data/a%b\nc.json", "data/d"]);
        assert_eq!(parse("manifest-sha256.txt", format!("{A} ../x\n").as_bytes()).bad_lines, [1]);
    }

    #[test]
    fn utf_16_as_powershell_redirects_it() {
        let text = format!("\u{feff}{A}  a.json\r\n");
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(parse("sums.txt", &bytes).files[0].name, "a.json");
    }

    #[test]
    fn weak_and_unknown_digests_are_counted_and_bad_lines_named() {
        let md5 = "b".repeat(32);
        let text = format!(
            "{md5}  a\nMD5 (a) = {md5}\nSHA3-256 (a) = {A}\nnonsense\n{A}\nzz  a\n\\{A}  a\\x\n"
        );
        let found = parse("sums.txt", text.as_bytes());
        assert_eq!((found.files.len(), found.not_compared), (0, 3));
        assert_eq!(found.bad_lines, [4, 5, 6, 7]);
    }
}
