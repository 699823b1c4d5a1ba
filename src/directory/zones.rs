//! Time zones by the names that Windows gives them.

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Catalogue;

pub(super) const ZONES: &str = include_str!("data/windows_zones.csv");

#[derive(Deserialize)]
struct ZoneRow {
    name: String,
    zone: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_zones(&mut self) {
        for row in self.rows::<ZoneRow>("windows_zones", ZONES) {
            self.sound("windows_zones", &row.name, &row.source, "");
            if TimeZone::get(&row.zone).is_err() {
                self.fault("windows_zones", format_args!("unknown zone {}", row.zone));
            }
            if self.windows_zones.insert(row.name, row.zone.clone()).is_some() {
                self.fault("windows_zones", format_args!("{}: twice", row.zone));
            }
        }
    }

    /// The name that the tz database has for a zone as Windows names it in English: `Eastern Standard Time`, and
    /// `Eastern Daylight Time` alike.
    #[must_use]
    pub fn windows_zone(&self, name: &str) -> Option<&str> {
        let standard = name.replace(" Daylight ", " Standard ");
        self.windows_zones.get(&standard).map(String::as_str)
    }
}
