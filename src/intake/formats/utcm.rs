//! Jobs that made configuration snapshots, saved beside what they made.
//!
//! Recognised by `resourceLocation` and `status` beside a list of names in `resources`. A job is a record of a tool and no
//! object: it tells the tenant, from when to when the tenant was read, and which resources could not be. A list of jobs
//! tells the same of each. Which snapshot a job is of is decided where all files of a folder are known.
//! Loses: who made it, which no snapshot depends on.

use jiff::Timestamp;
use serde_json::Value;

use crate::intake::{Format, Kind, Reader, Record, Subject, is_guid};

/// The rule that sets a job aside.
const JOB: &str = "configuration-job";

/// Most characters of what a job says of an error.
const MOST_CHARACTERS: usize = 200;

/// Most pairs of an error and a resource that are looked at; a tenant has some hundred resources, a job a few errors.
const MOST_PAIRS: usize = 1_000_000;

/// What a file tells of the files beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether it holds resources of a configuration snapshot.
    pub is_configuration: bool,
    /// The ids of the configuration snapshots in it.
    pub ids: Vec<String>,
    /// Jobs that it tells of.
    pub jobs: Vec<Job>,
    /// Names of objects that it does not hold, by id.
    pub names: Vec<(String, String)>,
}

/// A job that made a configuration snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id, and that of the snapshot which it points at.
    pub ids: Vec<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// When it was made.
    pub from: Option<Timestamp>,
    /// When it was done.
    pub to: Option<Timestamp>,
    /// Types whose lists are not whole, and why.
    pub failures: Vec<(String, String)>,
}

/// Whether the record is a job.
fn is_job(text: &[u8], record: &Record) -> bool {
    let has = |name: &str| record.member(text, name).is_some();
    if !has("resourceLocation") || !has("completedDateTime") {
        return false;
    }
    let holds_names = record.member(text, "resources").is_none_or(|member| {
        let written = text.get(member.value.span.clone()).unwrap_or_default();
        let first = written.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
        matches!(member.value.kind, Kind::EmptyArray | Kind::Null)
            || member.value.kind == Kind::Array && first == Some(&b'"')
    });
    let told = |name: &str| record.string(text, name).is_some();
    holds_names && told("status") && told("id")
}

/// The texts of a list, or the one that stands for it.
fn texts(text: &[u8], record: &Record, name: &str) -> Vec<String> {
    let written = record.member(text, name).and_then(|m| text.get(m.value.span.clone()));
    let told = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    };
    match written.and_then(|written| serde_json::from_slice(written).ok()) {
        Some(Value::Array(items)) => items.iter().map(told).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![told(&other)],
    }
}

impl Reader<'_> {
    /// Reads a job; false if the record is none.
    pub(in crate::intake) fn job(&mut self, record: &Record) -> bool {
        if record.defect.is_some() || !is_job(self.text, record) {
            return false;
        }
        let string = |name: &str| record.string(self.text, name);
        let time = |name: &str| string(name).and_then(|text| text.parse::<Timestamp>().ok());
        let location = string("resourceLocation").unwrap_or_default();
        let pointed = location.split(['\'', '/', '(', ')']).rfind(|part| is_guid(part));
        let tenant = string("tenantId").filter(|id| is_guid(id));
        let job = Job {
            ids: string("id").into_iter().chain(pointed.map(str::to_owned)).collect(),
            tenant: tenant.map(|id| id.to_ascii_lowercase()),
            from: time("createdDateTime"),
            to: time("completedDateTime"),
            failures: self.failures(record),
        };
        self.intake.beside.jobs.push(job);
        self.count_aside(JOB);
        true
    }

    /// Reads a job that is a text by itself; false if it is none.
    pub(in crate::intake) fn job_alone(&mut self, envelope: &Record) -> bool {
        let taken = self.job(envelope);
        if taken {
            self.intake.format = Some(Format::Dsc);
        }
        taken
    }

    /// Which lists are not whole: those of the resources that an error names, else of all.
    fn failures(&self, record: &Record) -> Vec<(String, String)> {
        let mut errors = texts(self.text, record, "errorDetails");
        let status = record.string(self.text, "status").unwrap_or_default();
        if errors.is_empty() && status != "succeeded" {
            errors.push(format!("the job ended as {status}"));
        }
        let resources = texts(self.text, record, "resources");
        if errors.len().saturating_mul(resources.len()) > MOST_PAIRS {
            errors = vec![format!("{} errors", errors.len())];
        }
        let mut failures = Vec::new();
        for error in errors {
            let lower = error.to_ascii_lowercase();
            let names = |resource: &&String| {
                let resource = resource.to_ascii_lowercase();
                let kind = resource.rsplit('.').next().unwrap_or_default();
                !kind.is_empty() && lower.contains(kind)
            };
            let named: Vec<&String> = resources.iter().filter(names).collect();
            let of = if named.is_empty() { resources.iter().collect() } else { named };
            let cause: String = error.chars().take(MOST_CHARACTERS).collect();
            failures.extend(of.into_iter().map(|resource| {
                let known = self.catalogue.dsc_type(resource).unwrap_or(resource);
                (known.to_owned(), cause.clone())
            }));
        }
        failures
    }

    /// Reads a job that is a record of a list; false if it is none. The list is then one of jobs and of no objects.
    pub(in crate::intake) fn listed_job(&mut self, position: usize) -> bool {
        let record = std::mem::take(&mut self.record);
        let taken = self.job(&record);
        self.record = record;
        if let Some(request) = self.intake.requests.get_mut(position).filter(|_| taken) {
            request.subject = Subject::Orphan { rule: JOB };
        }
        taken
    }
}
