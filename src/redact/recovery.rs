//! Pseudonyms in what was found about a recovery: verifications and assertions.
//!
//! What the job counts and why it differs (`reconciled`) is said in words of the program, and stays. Details quote the
//! evidence in many ways: what their reason means stands in their place.

use super::Redactor;
use crate::codes::code;
use crate::model::{
    Asserted, AssertionOutcome, AssertionRow, FreshnessRow, VerdictReason, VerdictRow, Verification,
};

impl Redactor<'_> {
    /// Puts pseudonyms into verifications, and them in order again.
    pub fn verifications(&mut self, verifications: &mut [Verification]) {
        verifications.iter_mut().for_each(|of| self.verification(of));
        verifications.sort_by(|a, b| a.tenant_id.cmp(&b.tenant_id));
    }

    fn verification(&mut self, of: &mut Verification) {
        of.tenant_id = self.names.id(&of.tenant_id);
        for label in [&mut of.good, &mut of.damaged, &mut of.after] {
            *label = self.names.label(label);
        }
        for job in &mut of.jobs {
            *job = self.names.id(job);
        }
        of.rows.iter_mut().for_each(|row| self.verdict(row));
        of.rows.sort_by(|a, b| {
            let key = |row: &VerdictRow| {
                let target = row.target.as_ref().map(|target| target.id.clone());
                (row.object_type.clone(), row.object_id.clone(), row.attribute.clone(), target)
            };
            key(a).cmp(&key(b))
        });
        of.freshness.iter_mut().for_each(|row| self.freshness(row));
        for finding in &mut of.wrong_in_good {
            *finding = self.names.prose(finding);
        }
        of.wrong_in_good.sort();
        of.declared = std::mem::take(&mut of.declared)
            .into_iter()
            .map(|(name, hash)| (self.names.path(&name), hash))
            .collect();
    }

    fn verdict(&mut self, row: &mut VerdictRow) {
        let names = &mut self.names;
        row.next_export = names.export(
            &row.next_export,
            [&row.object_type, &row.object_id, &row.attribute, &row.object_name],
        );
        row.tenant_id = names.id(&row.tenant_id);
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        if let Some(target) = &mut row.target {
            names.target(target);
        }
        for value in [&mut row.good, &mut row.damaged, &mut row.after].into_iter().flatten() {
            *value = names.state(&row.attribute, value);
        }
        row.attribute = names.attribute(&row.attribute);
        let meaning = |reason: VerdictReason| code(reason.as_str()).map(|code| &*code.meaning);
        row.detail = row.reason.and_then(meaning).unwrap_or_default().to_owned();
        row.intent_by = names.prose(&row.intent_by);
        row.failure = names.value(&row.failure);
    }

    fn freshness(&mut self, row: &mut FreshnessRow) {
        row.path = self.names.path(&row.path);
        row.property = self.names.attribute(&row.property);
    }

    /// Puts pseudonyms into assertions, which keep their order.
    pub fn assertions(&mut self, asserted: &mut Asserted) {
        asserted.rows.iter_mut().for_each(|row| self.assertion(row));
    }

    fn assertion(&mut self, row: &mut AssertionRow) {
        let names = &mut self.names;
        row.next_export = names.export(
            &row.next_export,
            [&row.object_type, &row.object_id, &row.attribute, &row.object_name],
        );
        row.tenant_id = names.id(&row.tenant_id);
        row.name = names.value(&row.name);
        row.snapshot = names.label(&row.snapshot);
        row.object_name = names.name(&row.object_type, &row.object_name);
        row.object_type = names.object_type(&row.object_type);
        row.object_id = names.id(&row.object_id);
        row.expected = match row.check.as_str() {
            "equals_snapshot" => names.label(&row.expected),
            _ => names.state(&row.attribute, &row.expected),
        };
        if let Some(found) = &mut row.found {
            *found = match row.check.as_str() {
                // Each element is an id, and a path or relation.
                "equals_snapshot" => names.json("", found),
                _ => names.state(&row.attribute, found),
            };
        }
        row.attribute = names.attribute(&row.attribute);
        let known = |outcome: AssertionOutcome| code(outcome.as_str()).map(|code| &*code.meaning);
        row.detail = match row.outcome {
            AssertionOutcome::CannotTell => known(row.outcome).unwrap_or_default().to_owned(),
            AssertionOutcome::Holds | AssertionOutcome::Fails => String::new(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;
    use crate::model::Analysis;
    use crate::report::fixture::{HOSTILE, guid};
    use crate::report::verification::{fixture, sheet, table};
    use crate::report::{RunInfo, html};

    fn written(mut analysis: Analysis) -> String {
        Redactor::new([7; 32], catalogue()).analysis(&mut analysis);
        let run = RunInfo::default();
        let mut bytes = Vec::new();
        table::write(&analysis.verifications, &mut bytes).unwrap();
        html::render(&analysis, &run, &mut bytes).unwrap();
        bytes.extend(sheet::json(&analysis, &run).unwrap().into_bytes());
        String::from_utf8(bytes).unwrap().to_lowercase()
    }

    #[test]
    fn no_name_or_id_of_the_tenant_is_left() {
        let mut analysis = fixture::verified();
        let of = &mut analysis.verifications[0];
        of.good = "Contoso before".to_owned();
        of.rows[0].detail = "Adele Vance said so".to_owned();
        of.rows[0].next_export = format!("GET /groups/{}/members of Contoso", guid(20));
        of.rows[0].object_name = "Contoso".to_owned();
        let text = written(analysis);
        for hidden in [
            "Adele",
            "Vance",
            "Megan",
            "Break Glass",
            "Contoso",
            "CHG-4711",
            "Payroll",
            "sg-Finance",
            "Require MFA",
            "Baseline 2026",
            "+1 425",
            "+44 20",
            "Concurrency",
            "\"Sales\"",
            "no outsider",
            "as it was in finance",
            "7c9e6679",
        ] {
            assert!(!text.contains(&hidden.to_lowercase()), "{hidden}");
        }
        for n in [0, 10, 11, 12, 13, 14, 20, 30, 31, 32, 41, 900] {
            assert!(!text.contains(&guid(n)), "{n}");
        }
        for stays in
            ["equals good", "in the bin", "live", "visible-only", "excludeusers", "\"enabled\""]
        {
            assert!(text.contains(stays), "{stays}");
        }
    }

    #[test]
    fn hostile_text_is_replaced_too() {
        let mut analysis = fixture::hostile();
        analysis.verifications[0].reconciled.clear();
        let text = written(analysis);
        for hidden in HOSTILE.iter().filter(|text| text.chars().any(char::is_alphanumeric)) {
            let hidden = serde_json::to_string(hidden).unwrap().to_lowercase();
            let inner = hidden.trim_matches('"');
            let known = ["+1+", "-2+3"].iter().any(|short| inner.starts_with(short));
            let at = text.find(inner).filter(|_| !known);
            let near = at.and_then(|at| text.get(at.saturating_sub(200)..at + 60));
            assert_eq!(near, None, "{hidden}");
        }
    }

    #[test]
    fn what_to_export_names_nothing_of_the_tenant() {
        let mut names = Redactor::new([7; 32], catalogue());
        let id = guid(20);
        let shown = names.names.export(
            &format!("GET /groups/{id}/members"),
            ["group", &id, "members", "sg-Finance-Admins"],
        );
        assert_eq!(shown, format!("GET /groups/{}/members", names.names.id(&id)));
        let shown =
            names.names.export("the objects of type contosoThing", ["contosoThing", "", "", ""]);
        assert!(shown.starts_with("the objects of type type-"), "{shown}");
        let plain = "GET /users?$select=id,perUserMfaState";
        assert_eq!(names.names.export(plain, ["user", "", "perUserMfaState", ""]), plain);
    }
}
