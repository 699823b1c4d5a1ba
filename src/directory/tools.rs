//! Which tool makes a format, where the format tells: `data/tools.csv`.

use serde::Deserialize;

use super::Catalogue;

const TOOLS: &str = include_str!("data/tools.csv");

#[derive(Deserialize)]
struct ToolRow {
    format: String,
    tool: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_tools(&mut self) {
        for row in self.rows::<ToolRow>("tools", TOOLS) {
            let sound = self.sound("tools", &row.format, &row.source, "") && !row.tool.is_empty();
            if !sound || self.tools.insert(row.format.clone(), row.tool).is_some() {
                self.fault("tools", format_args!("{}: empty or twice", row.format));
            }
        }
    }

    /// The tool that writes a format, by the words of `evidence.csv`; `None` where many do.
    #[must_use]
    pub fn tool(&self, format: &str) -> Option<&str> {
        self.tools.get(format).map(String::as_str)
    }

    /// The formats whose tool is known.
    pub fn formats_of_tools(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }
}
