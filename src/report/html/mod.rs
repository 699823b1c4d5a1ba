//! `report.html`: one file that says what changed, what cannot be told, and where the evidence is.
//!
//! It holds no script and makes no request: a content security policy with `default-src 'none'` forbids both, and
//! allows one style sheet by its hash. Templates only place what the view model has decided. Every string goes through
//! minijinja's escaping; text from the evidence is split by [`super::text::segments`] first, and what a template prints
//! by mistake without that is caught by the formatter, so no control or bidi character reaches the page.

mod attestation;
mod coverage;
mod difference;
mod logs;
mod opinion;
mod pick;
mod rows;
mod service;
mod steps;
mod summary;
mod value;
mod view;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use sha2::{Digest, Sha256};

use super::{ReportError, RunInfo, output, text};
use crate::model::Analysis;

/// The page; its name turns escaping on.
const PAGE: &str = "report.html";
/// The style sheet that the page includes.
const STYLE: &str = "report.css";

/// Every template, by name.
const TEMPLATES: &[(&str, &str)] = &[
    (PAGE, include_str!("../../../templates/report.html")),
    ("macros.html", include_str!("../../../templates/macros.html")),
    ("summary.html", include_str!("../../../templates/summary.html")),
    ("coverage.html", include_str!("../../../templates/coverage.html")),
    ("logs.html", include_str!("../../../templates/logs.html")),
    ("service.html", include_str!("../../../templates/service.html")),
    ("difference.html", include_str!("../../../templates/difference.html")),
    ("opinion.html", include_str!("../../../templates/opinion.html")),
    ("attestation.html", include_str!("../../../templates/attestation.html")),
    ("changes.html", include_str!("../../../templates/changes.html")),
    ("evidence.html", include_str!("../../../templates/evidence.html")),
    ("method.html", include_str!("../../../templates/method.html")),
    (STYLE, include_str!("../../../templates/report.css")),
];

/// Writes the page.
///
/// # Errors
/// [`ReportError::Write`] if the writer refuses; [`ReportError::Table`] or [`ReportError::Template`] if the page cannot
/// be made, which is a defect of the program.
pub fn render(analysis: &Analysis, run: &RunInfo, to: &mut dyn Write) -> Result<(), ReportError> {
    let environment = environment().map_err(template)?;
    let style = environment
        .get_template(STYLE)
        .and_then(|style| style.render(Value::UNDEFINED))
        .map_err(template)?;
    let page = view::page(analysis, run, policy(&style))?;
    environment
        .get_template(PAGE)
        .and_then(|template| template.render_captured_to(Value::from(Serde(&page)), to))
        .map(drop)
        .map_err(template)
}

fn template(source: minijinja::Error) -> ReportError {
    if source.kind() == ErrorKind::WriteFailure {
        return output::refused(PAGE, io::Error::other(source));
    }
    ReportError::Template { page: PAGE, source }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(raw) if !value.is_safe() && raw.chars().any(text::is_hidden) => {
            let shown = Value::from(text::marked(raw).into_owned());
            minijinja::escape_formatter(out, state, &shown)
        }
        _ => minijinja::escape_formatter(out, state, value),
    });
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// The content security policy: nothing but this style sheet and images inside the page.
fn policy(style: &str) -> String {
    let hash = base64(&Sha256::digest(style.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// Base64 with padding, as a content security policy spells hashes.
fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, verification};

    fn page(analysis: &Analysis) -> String {
        let run = RunInfo { version: "0.1.0".to_owned(), ..RunInfo::default() };
        let mut bytes = Vec::new();
        render(analysis, &run, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_template_turns_escaping_off() {
        for (name, source) in TEMPLATES {
            let source: String = source.chars().filter(|c| !c.is_whitespace()).collect();
            for word in ["|safe", "autoescape", "<script", "style=\"", "javascript:", "onclick"] {
                assert!(!source.contains(word), "{name}: {word}");
            }
        }
    }

    #[test]
    fn the_policy_allows_the_style_sheet_of_the_page_and_nothing_else() {
        let page = page(&fixture::analysis());
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let policy = page.split_once("content=\"").unwrap().1.split_once('"').unwrap().0;
        let policy = policy.replace("&#x2f;", "/").replace("&#x27;", "'");
        let hash = base64(&Sha256::digest(style.as_bytes()));
        assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
        assert!(policy.starts_with("default-src 'none'"));
        assert_eq!(page.matches("<style").count(), 1);
        for request in ["http:", "https:", "url(", "@import", "<script", "<iframe", " src="] {
            assert!(!page.contains(request), "{request}");
        }
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn hostile_text_is_shown_and_never_obeyed() {
        let page = page(&fixture::hostile());
        assert!(page.chars().all(|c| c == '\n' || !text::is_hidden(c)), "a hidden character");
        assert_eq!(page.matches("<style").count(), 1);
        for attack in ["<script", "<img", "onmouseover='", "<!-- comment"] {
            assert!(!page.contains(attack), "{attack}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
        assert!(page.contains("<span class=\"cp\">U+202E</span>"));
        assert!(!page.contains("49{%"), "no template in data is rendered");
        assert!(page.contains("{{ 7 * 7 }}"));
    }

    /// `cargo test --release --lib pages_to_look_at -- --ignored`, then open `target/pages/*.html`.
    #[test]
    #[ignore = "writes pages for the eye"]
    fn pages_to_look_at() {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
        std::fs::create_dir_all(&place).unwrap();
        for (name, analysis) in [
            ("small.html", fixture::analysis()),
            ("verified.html", verification::fixture::verified()),
            ("perfect.html", verification::fixture::put_back()),
            ("verified-hostile.html", verification::fixture::hostile()),
            ("hostile.html", fixture::hostile()),
            ("large.html", fixture::large(20_000)),
            ("empty.html", Analysis::default()),
        ] {
            std::fs::write(place.join(name), page(&analysis)).unwrap();
        }
    }

    #[test]
    fn nothing_at_all_is_a_page_too() {
        let page = page(&Analysis::default());
        assert!(page.contains("No snapshot"));
        assert!(page.contains("End of report"));
    }

    #[test]
    fn rows_beyond_the_limit_are_counted_and_rare_ones_are_kept() {
        let analysis = fixture::large(7_000);
        let page = page(&analysis);
        assert!(page.contains("changes.csv"));
        assert!(page.contains("Global Administrator"));
        let (_, changes) = page.split_once("<section id=\"changes\"").unwrap();
        let (changes, _) = changes.split_once("</section>").unwrap();
        let shown = changes.matches("class=\"row ").count();
        assert_eq!(shown, rows::LIMIT);
        let expected = format!("{} more", super::super::words::number(7_013 - 5_000));
        assert!(page.contains(&expected), "{expected}");
    }
}
