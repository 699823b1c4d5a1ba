//! Runs the program and reads what it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::evidence::Evidence;

/// The program that the tests run.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_entrace"))
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut assert_cmd::Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn rows(&self) -> Rows {
        Rows::read(&self.stdout)
    }

    /// The run, if it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard error:\n{}", self.stderr);
        self
    }
}

/// Runs the program with these arguments, whatever its exit code.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(command().args(arguments))
}

/// The program, in an environment that says nothing.
pub(crate) fn command() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(binary());
    command.env_clear();
    command
}

/// A row of a table by its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) BTreeMap<String, String>);

impl Row {
    pub(crate) fn get(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column}"))
    }

    /// The row without some columns.
    pub(crate) fn without(&self, columns: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !columns.contains(&name.as_str()));
        Self(kept.map(|(name, cell)| (name.clone(), cell.clone())).collect())
    }
}

/// `CHANGE TYPE ID ATTRIBUTE >TARGET: BEFORE -> AFTER +ADDED -REMOVED (WINDOW) LANE CERTAINTY REASON`, with what is
/// empty left out and times of 2026 as `11-02T03:05`.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.get("change"), self.get("object_type"), self.get("object_id"))?;
        let part = |name: &str, sign: &str| match self.get(name) {
            "" => String::new(),
            cell => format!("{sign}{cell}"),
        };
        write!(f, "{}{}", part("attribute", " "), part("target_id", " >"))?;
        if !(self.get("before").is_empty() && self.get("after").is_empty()) {
            write!(f, ": {} -> {}", self.get("before"), self.get("after"))?;
        }
        write!(f, "{}{}", part("added", " +"), part("removed", " -"))?;
        write!(f, " ({}..{})", short(self.get("not_before")), short(self.get("not_after")))?;
        write!(f, " {} {}{}", self.get("lane"), self.get("certainty"), part("reason", " "))?;
        match self.get("objects") {
            "1" if !self.get("object_id").is_empty() => Ok(()),
            objects => write!(f, " x{objects}"),
        }
    }
}

fn short(time: &str) -> &str {
    let time = time.strip_prefix("2026-").unwrap_or(time);
    time.strip_suffix(":00Z").unwrap_or(time)
}

/// A table that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows(pub(crate) Vec<Row>);

impl Rows {
    pub(crate) fn read(csv: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(csv);
        let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let row = |record: csv::StringRecord| {
            Row(head.iter().cloned().zip(record.iter().map(str::to_owned)).collect())
        };
        Self(reader.records().map(|record| row(record.unwrap())).collect())
    }

    /// One line for each row (see [`Row`]), in their order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// The rows in which a column has this content.
    pub(crate) fn having(&self, column: &str, content: &str) -> Self {
        Self(self.0.iter().filter(|row| row.get(column) == content).cloned().collect())
    }

    /// One column.
    pub(crate) fn column(&self, name: &str) -> Vec<&str> {
        self.0.iter().map(|row| row.get(name)).collect()
    }
}

/// A result folder.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) ran: Ran,
    pub(crate) out: PathBuf,
}

impl Report {
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.out.join(name)).unwrap()
    }

    pub(crate) fn table(&self, name: &str) -> Rows {
        Rows::read(&self.bytes(name))
    }

    pub(crate) fn html(&self) -> String {
        String::from_utf8(self.bytes("report.html")).unwrap()
    }

    pub(crate) fn run_record(&self) -> Value {
        serde_json::from_slice(&self.bytes("run.json")).unwrap()
    }

    /// Code, path and offset of every warning.
    pub(crate) fn warnings(&self) -> Vec<(String, String, String)> {
        let table = self.table("warnings.csv");
        let cell = |row: &Row, name: &str| row.get(name).to_owned();
        table
            .0
            .iter()
            .map(|row| (cell(row, "code"), cell(row, "path"), cell(row, "offset_bytes")))
            .collect()
    }

    /// The codes of all warnings.
    pub(crate) fn codes(&self) -> BTreeSet<String> {
        self.warnings().into_iter().map(|(code, ..)| code).collect()
    }

    /// Fails unless every exhibit and the whole run account for every record.
    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        let number = |row: &Row, name: &str| row.get(name).parse::<u64>().unwrap_or(0);
        let mut sums = [0_u64; 4];
        for row in &self.table("evidence.csv").0 {
            let [seen, used, aside, bad] =
                ["seen", "used", "set_aside", "quarantined"].map(|name| number(row, name));
            assert_eq!(seen, used + aside + bad, "{}", row.get("path"));
            for (sum, part) in sums.iter_mut().zip([seen, used, aside, bad]) {
                *sum += part;
            }
        }
        let run = self.run_record();
        let records = &run["records"];
        let aside: u64 =
            records["set_aside"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        let totals = [&records["seen"], &records["used"], &aside.into(), &records["quarantined"]]
            .map(|n| n.as_u64().unwrap());
        assert_eq!(totals, sums);
        assert_eq!(records["balances"], true);
    }
}

impl Evidence {
    /// Runs a verb over the evidence.
    pub(crate) fn run(&self, verb: &str, options: &[&str]) -> Ran {
        Ran::of(command().arg(verb).arg(self.root()).args(options))
    }

    /// What the timeline lists of its own accord: one line for each row.
    #[track_caller]
    pub(crate) fn timeline(&self) -> Vec<String> {
        self.rows(&[]).lines()
    }

    /// The rows of the timeline, with scopes.
    #[track_caller]
    pub(crate) fn rows(&self, options: &[&str]) -> Rows {
        let arguments = [&["--format", "csv"], options].concat();
        let ran = self.run("timeline", &arguments);
        assert!(matches!(ran.code, 0 | 3), "exit code {}: {}", ran.code, ran.stderr);
        ran.rows()
    }

    /// Rows of one lane, each by itself.
    #[track_caller]
    pub(crate) fn lane(&self, lane: &str) -> Vec<String> {
        self.rows(&["--lane", lane, "--unfold", lane]).lines()
    }

    /// Writes the report beside the evidence.
    pub(crate) fn report(&self, options: &[&str]) -> Report {
        let out = self.beside("out");
        let ran =
            Ran::of(command().arg("report").arg(self.root()).arg("-o").arg(&out).args(options));
        Report { ran, out }
    }
}
