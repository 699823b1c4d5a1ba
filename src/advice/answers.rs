//! Decides each question from the coverage ledger of one tenant.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{EDGE, is_of};
use crate::directory::{Catalogue, Need, Question, Term};
use crate::model::{Analysis, CoverageRow, CoverageState, LogRow};

/// Whether a question can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No.
    No,
    /// For some snapshots, or not wholly.
    InPart,
    /// Yes.
    Yes,
}

impl Verdict {
    /// The word that is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::InPart => "in part",
            Self::Yes => "yes",
        }
    }
}

/// A question, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Stable name of the question.
    pub id: String,
    /// As it is asked.
    pub question: String,
    /// Whether it can be answered.
    pub verdict: Verdict,
    /// What is missing, and where.
    pub missing: Vec<String>,
    /// Why it matters.
    pub why: String,
    /// What to export to answer it wholly; empty if nothing is missing.
    pub export: String,
}

/// What is known of one need: how well it is met, what it is called, and how and where it is missing.
#[derive(Debug, Clone)]
struct Met {
    verdict: Verdict,
    name: String,
    lack: String,
}

/// What is missing, under the way in which it is: `not requested in 2 of 5 snapshots` to the names.
type Lacks = Vec<(String, Vec<String>)>;

/// The ledger of one tenant, by type and attribute.
struct Tenant<'a> {
    analysis: &'a Analysis,
    id: &'a str,
    labels: Vec<&'a str>,
    rows: BTreeMap<(&'a str, &'a str), BTreeMap<&'a str, &'a CoverageRow>>,
    /// Start of the first snapshot and end of the last.
    reach: (Option<Timestamp>, Option<Timestamp>),
}

/// Decides every question for a tenant.
pub(super) fn answers(analysis: &Analysis, catalogue: &Catalogue, tenant: &str) -> Vec<Answer> {
    let tenant = Tenant::gather(analysis, tenant);
    catalogue.questions().iter().map(|question| tenant.answer(question)).collect()
}

impl<'a> Tenant<'a> {
    fn gather(analysis: &'a Analysis, id: &'a str) -> Self {
        let own = analysis.snapshots.iter().filter(|row| row.tenant_id == id);
        let labels = own.clone().map(|row| row.label.as_str()).collect();
        let times = own.filter_map(|row| row.time);
        let reach = (times.clone().map(|t| t.start).min(), times.map(|t| t.end).max());
        let mut rows: BTreeMap<(&str, &str), BTreeMap<&str, &CoverageRow>> = BTreeMap::new();
        let of_tenant = analysis.coverage.iter().filter(|row| row.tenant_id == id);
        for row in of_tenant.filter(|row| row.is_whole_picture()) {
            let by_label = rows.entry((&row.object_type, &row.attribute)).or_default();
            // A relation can be listed from both ends: the better list counts.
            let better = |known: &&CoverageRow| level(row.state) > level(known.state);
            if by_label.get(row.snapshot.as_str()).is_none_or(better) {
                by_label.insert(&row.snapshot, row);
            }
        }
        Self { analysis, id, labels, rows, reach }
    }

    fn answer(&self, question: &Question) -> Answer {
        let mut verdict = Verdict::Yes;
        let mut lacks: Lacks = Vec::new();
        for term in &question.needs {
            let met = self.term(term);
            let worst = if term.helps { Verdict::InPart } else { Verdict::No };
            verdict = verdict.min(met.verdict.max(worst));
            if met.verdict != Verdict::Yes {
                note(&mut lacks, met);
            }
        }
        // Where nothing is there, more snapshots of it would be no answer either.
        let told =
            lacks.into_iter().filter(|(_, names)| verdict != Verdict::No || !names.is_empty());
        let missing: Vec<String> = told
            .map(|(lack, names)| match names.join(", ") {
                names if names.is_empty() => lack,
                names => format!("{names}: {lack}"),
            })
            .collect();
        Answer {
            id: question.id.clone(),
            question: question.question.clone(),
            verdict,
            export: if missing.is_empty() { String::new() } else { question.export.clone() },
            missing,
            why: question.why.clone(),
        }
    }

    /// The best of the alternatives; what all of them lack where none is there.
    fn term(&self, term: &Term) -> Met {
        let met: Vec<Met> = term.any_of.iter().map(|need| self.need(need)).collect();
        let best = met.iter().rev().max_by_key(|met| met.verdict).cloned();
        match best {
            Some(best) if best.verdict != Verdict::No => best,
            _ => {
                let names: Vec<&str> = met.iter().map(|met| met.name.as_str()).collect();
                let mut lacks: Vec<&str> = met.iter().map(|met| met.lack.as_str()).collect();
                lacks.dedup();
                Met { verdict: Verdict::No, name: names.join(" or "), lack: lacks.join(", ") }
            }
        }
    }

    fn need(&self, need: &Need) -> Met {
        match need {
            Need::Type(name) => self.over_snapshots(name, "", name),
            Need::Bin(name) => {
                let bin = format!("{name}/deletedItems");
                self.over_snapshots(&bin, "", &format!("recycle bin of {name}"))
            }
            Need::Attribute(name, attribute) => {
                self.over_snapshots(name, attribute, &format!("{name}.{attribute}"))
            }
            Need::Relation(name, relation) => {
                self.over_snapshots(name, relation, &format!("{relation} of {name}"))
            }
            Need::Log(name) => self.log(name),
            Need::Service(name) => self.service(name),
            Need::Snapshots(least) => {
                let there = self.labels.len();
                let verdict = if there >= *least { Verdict::Yes } else { Verdict::InPart };
                let lack = format!(
                    "{there} of at least {least} snapshots: what was before is told only by dates and logs"
                );
                Met { verdict, name: String::new(), lack }
            }
        }
    }

    /// The state of a thing in every snapshot.
    fn over_snapshots(&self, object_type: &str, attribute: &str, name: &str) -> Met {
        let nothing = BTreeMap::new();
        let of_type = self.rows.get(&(object_type, "")).unwrap_or(&nothing);
        let rows = self.rows.get(&(object_type, attribute)).unwrap_or(&nothing);
        let mut states: BTreeMap<CoverageState, (Vec<&str>, &str)> = BTreeMap::new();
        for label in &self.labels {
            let parent = of_type.get(label);
            let whole = parent.map_or(CoverageState::NotRequested, |row| row.state);
            // Where there is no object, nothing of it can be missing.
            let none = whole.is_whole() && parent.is_some_and(|row| row.objects == 0);
            let (state, detail) = match rows.get(label) {
                Some(row) => (row.state, row.detail.as_str()),
                None if none => (CoverageState::Empty, ""),
                None if attribute.is_empty() || !whole.is_whole() => {
                    (whole, parent.map_or("", |row| row.detail.as_str()))
                }
                None => (CoverageState::NotRequested, ""),
            };
            let entry = states.entry(state).or_insert_with(|| (Vec::new(), detail));
            entry.0.push(label);
        }
        let verdict = |state: &CoverageState| level(*state);
        let best = states.keys().map(verdict).max().unwrap_or(Verdict::No);
        let worst = states.keys().map(verdict).min().unwrap_or(Verdict::No);
        let verdict = if best == worst { best } else { Verdict::InPart };
        let parts: Vec<String> = states
            .iter()
            .filter(|(state, _)| !state.is_whole())
            .map(|(state, (labels, detail))| self.part(*state, labels, detail))
            .collect();
        Met { verdict, name: name.to_owned(), lack: parts.join("; ") }
    }

    /// `not requested in 2 of 5 snapshots`, with the reason where the state alone does not tell it.
    fn part(&self, state: CoverageState, labels: &[&str], detail: &str) -> String {
        let all = self.labels.len();
        let place = match labels {
            _ if labels.len() == all => String::new(),
            [only] => format!(" in {only}"),
            _ => format!(" in {} of {all} snapshots", labels.len()),
        };
        if detail.is_empty() || state == CoverageState::NotRequested {
            format!("{state}{place}")
        } else {
            format!("{state}{place} ({detail})")
        }
    }

    /// A log that should reach over all snapshots.
    fn log(&self, name: &str) -> Met {
        let logs: Vec<&LogRow> = self.logs(name).collect();
        if logs.is_empty() {
            return self.records("audit-event", name);
        }
        let mut lacks = Vec::new();
        let (first, last) = self.reach;
        if let Some(from) = logs.iter().filter_map(|log| log.from).min()
            && first.is_some_and(|first| from.duration_since(first) > EDGE)
        {
            lacks.push(format!("no event before {}", from));
        }
        if let Some(to) = logs.iter().filter_map(|log| log.to).max()
            && last.is_some_and(|last| last.duration_since(to) > EDGE)
        {
            lacks.push(format!("no event after {}", to));
        }
        let gaps: u64 = logs.iter().map(|log| log.gap_count).sum();
        if gaps > 0 {
            lacks.push(format!("long spans without an event: {gaps}"));
        }
        if logs.iter().any(|log| log.is_partial) {
            lacks.push("records are known to be missing".to_owned());
        }
        let verdict = if lacks.is_empty() { Verdict::Yes } else { Verdict::InPart };
        Met { verdict, name: name.to_owned(), lack: lacks.join("; ") }
    }

    /// Records of the backup service; it tells no time over which they should reach.
    fn service(&self, name: &str) -> Met {
        let verdict = if self.logs(name).next().is_some() { Verdict::Yes } else { Verdict::No };
        Met { verdict, name: name.to_owned(), lack: CoverageState::NotRequested.to_string() }
    }

    fn logs(&self, name: &str) -> impl Iterator<Item = &'a LogRow> {
        let own = self.analysis.logs.iter().filter(|log| is_of(log, self.id));
        own.filter(move |log| log.object_type == name)
    }

    /// Records that are set aside for other rooms.
    fn records(&self, rule: &str, name: &str) -> Met {
        let of_tenant = |tenant: &str| tenant == self.id || tenant.is_empty();
        let exhibits = self.analysis.exhibits.iter().filter(|row| of_tenant(&row.tenant_id));
        let records: u64 = exhibits.filter_map(|row| row.tally.set_aside.get(rule)).sum();
        if records == 0 {
            let lack = CoverageState::NotRequested.to_string();
            return Met { verdict: Verdict::No, name: name.to_owned(), lack };
        }
        let lack = format!(
            "{records} records of this or another kind are there, set aside as {rule}: look at them by hand"
        );
        Met { verdict: Verdict::InPart, name: name.to_owned(), lack }
    }
}

/// Adds what is missing; an attribute or relation that shares the fate of its type, and what an alternative has named, is not
/// named again.
fn note(lacks: &mut Lacks, met: Met) {
    let Met { name, lack, .. } = met;
    let place = lacks.iter().position(|(known, _)| *known == lack);
    let names = match place.and_then(|place| lacks.get_mut(place)) {
        Some((_, names)) => names,
        None => {
            let names = if name.is_empty() { Vec::new() } else { vec![name] };
            return lacks.push((lack, names));
        }
    };
    let of_type = name.split_once('.').map(|(of, _)| of);
    let of_relation = name.split_once(" of ").filter(|_| !name.starts_with("recycle bin"));
    let above = of_type.or(of_relation.map(|(_, of)| of));
    let told = |known: &String| {
        known.split(" or ").any(|known| known == name || above.is_some_and(|above| known == above))
    };
    if !name.is_empty() && !names.iter().any(told) {
        names.push(name);
    }
}

fn level(state: CoverageState) -> Verdict {
    match state {
        CoverageState::Collected | CoverageState::Empty => Verdict::Yes,
        CoverageState::Partial | CoverageState::Unknown => Verdict::InPart,
        CoverageState::Denied | CoverageState::NotRequested => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::audit_log;
    use crate::directory::catalogue;
    use crate::model::{Interval, SnapshotRow};

    fn snapshot(label: &str, position: usize) -> SnapshotRow {
        SnapshotRow {
            tenant_id: "t".to_owned(),
            position,
            label: label.to_owned(),
            time: None,
            time_source: None,
            objects: BTreeMap::new(),
            exhibits: 1,
            bytes: 1,
            digest: String::new(),
        }
    }

    fn row(label: &str, object_type: &str, attribute: &str, state: CoverageState) -> CoverageRow {
        CoverageRow {
            tenant_id: "t".to_owned(),
            snapshot: label.to_owned(),
            object_type: object_type.to_owned(),
            attribute: attribute.to_owned(),
            state,
            objects: u64::from(state == CoverageState::Collected),
            ..CoverageRow::default()
        }
    }

    fn answer(coverage: Vec<CoverageRow>, snapshots: usize, id: &str) -> Answer {
        let snapshots = (1..=snapshots).map(|n| snapshot(&format!("s{n}"), n)).collect();
        let analysis = Analysis { snapshots, coverage, ..Analysis::default() };
        let all = answers(&analysis, catalogue(), "t");
        all.into_iter().find(|answer| answer.id == id).unwrap()
    }

    #[test]
    fn a_question_whose_needs_are_whole_is_answered() {
        let rows = ["s1", "s2"].iter().flat_map(|label| {
            let bin = row(label, "user/deletedItems", "", CoverageState::Empty);
            [row(label, "user", "", CoverageState::Collected), bin]
        });
        let told = answer(rows.collect(), 2, "deleted-users");
        assert_eq!(
            (told.verdict, told.missing.as_slice(), told.export.as_str()),
            (Verdict::Yes, &[] as &[_], "")
        );
    }

    #[test]
    fn what_only_helps_makes_it_an_answer_in_part() {
        let rows = ["s1", "s2"].map(|label| row(label, "user", "", CoverageState::Collected));
        let told = answer(rows.to_vec(), 2, "deleted-users");
        assert_eq!(told.verdict, Verdict::InPart);
        assert_eq!(told.missing, ["recycle bin of user: not requested"]);
        assert!(told.export.contains("deletedItems"));
    }

    #[test]
    fn what_is_needed_and_missing_everywhere_is_no_answer() {
        let mut refused = row("s1", "authorizationPolicy", "", CoverageState::Denied);
        refused.detail = "refused: Authorization_RequestDenied".to_owned();
        let told = answer(vec![refused], 1, "authorization-policy");
        assert_eq!(told.verdict, Verdict::No);
        assert_eq!(
            told.missing,
            ["authorizationPolicy: denied (refused: Authorization_RequestDenied)"]
        );
    }

    #[test]
    fn snapshots_that_lack_it_are_counted() {
        let mut rows = vec![row("s1", "authorizationPolicy", "", CoverageState::Collected)];
        rows.extend(
            ["s2", "s3"]
                .map(|label| row(label, "authorizationPolicy", "", CoverageState::NotRequested)),
        );
        let told = answer(rows, 3, "authorization-policy");
        assert_eq!(told.verdict, Verdict::InPart);
        assert_eq!(told.missing, ["authorizationPolicy: not requested in 2 of 3 snapshots"]);
    }

    #[test]
    fn one_alternative_is_enough() {
        let rows = vec![
            row("s1", "directoryRole", "", CoverageState::Collected),
            row("s1", "unifiedRoleDefinition", "", CoverageState::Collected),
        ];
        assert_eq!(answer(rows, 1, "roles-active").verdict, Verdict::Yes);
        let told = answer(Vec::new(), 1, "roles-active");
        assert_eq!(
            told.missing,
            ["unifiedRoleAssignment or directoryRole, unifiedRoleDefinition: not requested"]
        );
    }

    #[test]
    fn an_attribute_of_no_object_is_not_missing() {
        let rows = vec![
            row("s1", "application", "", CoverageState::Empty),
            row("s1", "servicePrincipal", "", CoverageState::Empty),
            row("s1", "federatedIdentityCredential", "", CoverageState::Empty),
        ];
        let told = answer(rows, 1, "app-credentials");
        assert_eq!(told.verdict, Verdict::InPart);
        assert_eq!(told.missing.len(), 1, "{:?}", told.missing);
        assert!(told.missing[0].starts_with("1 of at least 2 snapshots"));
    }

    #[test]
    fn a_log_that_reaches_over_all_snapshots_answers_who_did_it() {
        let at = |day: i64| Timestamp::from_second(1_793_000_000 + day * 86_400).unwrap();
        let told = |from: i64, to: i64, gap_count: u64| {
            let mut snapshots = vec![snapshot("s1", 1), snapshot("s2", 2)];
            for (row, day) in snapshots.iter_mut().zip([1, 9]) {
                row.time = Some(Interval::instant(at(day)));
            }
            let log = audit_log("directoryAudit", at(from), at(to));
            let log = LogRow { gap_count, ..log };
            let analysis = Analysis { snapshots, logs: vec![log], ..Analysis::default() };
            let all = answers(&analysis, catalogue(), "t");
            let who = all.into_iter().find(|answer| answer.id == "who").unwrap();
            (who.verdict, who.missing.join(" "))
        };
        assert_eq!(told(1, 9, 0).0, Verdict::Yes);
        assert_eq!(told(2, 8, 0).0, Verdict::Yes);
        assert!(told(3, 9, 0).1.contains("no event before"));
        assert!(told(1, 7, 0).1.contains("no event after"));
        assert_eq!(told(1, 9, 2).0, Verdict::InPart);
        assert_eq!(answer(Vec::new(), 1, "who").verdict, Verdict::No);
    }
}
