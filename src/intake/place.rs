//! What the names of a file and its folders tell: time stamps, tenant, the request that was answered.
//!
//! Names are the fallback; what the data says comes first (design, section 7, "Time", "Identity").

use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::context::is_guid;
use super::map::Rule;
use crate::directory::{Catalogue, Holds};
use crate::model::{CaptureTime, Interval, TimeSource};

/// What the path of an exhibit tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The path below what holds the snapshot: its dated folder, else the evidence that was given.
    pub within: String,
    /// The folder, as shown.
    pub folder: String,
    /// A GUID-named folder above it that is not below a collection folder.
    pub tenant: Option<String>,
    /// The innermost dated folder: its stamp as written, and the time it stands for. Folders that a collector suite makes
    /// for each of its parts only date their files.
    pub dated_folder: Option<(String, Interval)>,
    /// The best stamp of the names.
    pub time: Option<CaptureTime>,
    /// Collection path that the name stands for, e.g. `users`.
    pub collection: Option<String>,
    /// For a file below one object: collection path, id, and the path below it.
    pub parent: Option<(String, String, String)>,
    /// For a file `<X>/<id>/<id>.json` of an exporter tree: the folder that lists it.
    pub tree_folder: Option<String>,
    /// The file's own name without its ending.
    pub stem: String,
    /// What the table of files of collector suites calls it, if it is one.
    pub suite: Option<String>,
    /// Whether the ending says that each line is a record, so that a file of one line is a list of one.
    pub lines: bool,
    /// What the map says of its path.
    pub map: Option<Arc<Rule>>,
}

impl Place {
    /// Reads the path of an exhibit, as shown; stamps without zone are read in `zone`.
    #[must_use]
    pub fn of(shown: &str, catalogue: &Catalogue, zone: Option<&TimeZone>) -> Self {
        let mut components: Vec<&str> = shown.split('/').collect();
        let name = components.pop().unwrap_or_default();
        let stem = name.split_once('.').map_or(name, |(stem, ending)| {
            // `deletedItems_microsoft.graph.user_…json`: dots inside a name are no ending.
            if ending.contains('.') {
                name.rsplit_once('.').map_or(stem, |(stem, _)| stem)
            } else {
                stem
            }
        });
        let stamped = |components: &[&str]| {
            components.iter().enumerate().rev().find_map(|(at, component)| {
                Some((at, (*component).to_owned(), Stamp::find(component)?))
            })
        };
        let dated = stamped(&components);
        let own = Stamp::find(stem).or_else(|| Stamp::time_of_day(stem, dated.as_ref()?.2.date));
        // `Admins/20261101-100005/20261101-Role.csv`: the folder tells the time of the day too.
        let own = own.filter(|own| {
            let same = |(_, _, folder): &(usize, String, Stamp)| folder.date == own.date;
            own.time.is_some()
                || !dated.as_ref().is_some_and(|dated| dated.2.time.is_some() && same(dated))
        });
        let time = own
            .map(|stamp| CaptureTime {
                interval: stamp.interval(zone),
                source: TimeSource::FileName,
            })
            .or_else(|| {
                let interval = dated.as_ref()?.2.interval(zone);
                Some(CaptureTime { interval, source: TimeSource::FolderName })
            });
        let dated = match dated {
            Some((at, ..)) if at > 0 && is_run(&components, at, catalogue) => {
                stamped(components.get(..at).unwrap_or_default())
            }
            dated => dated,
        };
        let above = dated.as_ref().map_or(usize::from(!components.is_empty()), |(at, ..)| at + 1);
        let below = components.get(above..).unwrap_or_default();
        let within: Vec<&str> = below.iter().copied().chain([name]).collect();
        let mut place = Self {
            within: within.join("/"),
            folder: components.join("/"),
            dated_folder: dated.map(|(_, text, stamp)| (text, stamp.interval(zone))),
            time,
            stem: stem.to_owned(),
            lines: [".ndjson", ".jsonl"]
                .iter()
                .any(|ending| name.to_ascii_lowercase().ends_with(ending)),
            ..Self::default()
        };
        place.read_request(&components, stem, catalogue);
        if let Some(file) = catalogue.suite_file(components.last().copied(), stem) {
            place.suite = Some(file.name.clone());
            place.lines |= file.holds == Holds::Lines;
            if matches!(file.holds, Holds::Objects | Holds::Enriched | Holds::Part) {
                place.parent = None;
                place.collection = Some(file.collection.clone());
            }
        }
        place.tenant = components
            .iter()
            .enumerate()
            .filter(|(at, component)| {
                let above = at.checked_sub(1).and_then(|at| components.get(at));
                is_guid(component) && above.is_none_or(|above| catalogue.of_name(above).is_none())
            })
            .map(|(_, component)| component.to_ascii_lowercase())
            .next();
        place
    }

    fn read_request(&mut self, components: &[&str], stem: &str, catalogue: &Catalogue) {
        if let Some((above, id, below)) = guid_in(stem)
            && let Some(collection) = catalogue.of_name(above)
        {
            let segment = below.split(['_', '.', ' ']).find(|part| !part.is_empty());
            if let Some(segment) = segment {
                self.parent = Some((collection.to_owned(), id, segment.to_owned()));
            }
            self.collection = Some(collection.to_owned());
            return;
        }
        if components.last() == Some(&stem) {
            self.read_tree(components, catalogue);
            if self.tree_folder.is_some() {
                return;
            }
        }
        self.read_folders(components, stem, catalogue);
        if self.collection.is_none() {
            self.collection = catalogue
                .of_name(stem)
                .or_else(|| components.last().and_then(|folder| catalogue.of_name(folder)))
                .map(str::to_owned);
        }
    }

    /// `…/Groups/<id>/Members/<mid>/<mid>.json`
    fn read_tree(&mut self, components: &[&str], catalogue: &Catalogue) {
        let Some((_, above)) = components.split_last() else { return };
        for start in 0..components.len() {
            let listing = above.get(start..).unwrap_or_default();
            let single = components.get(start..).unwrap_or_default();
            // `Groups/<id>/<id>.json` is one of a list; `Policies/X/Default/Default.json` is a thing of its own.
            let of_list = components.last().is_some_and(|last| is_guid(last));
            let candidates = if of_list { [listing, single] } else { [single, listing] };
            let starred = |parts: &[&str]| -> Vec<String> {
                parts
                    .iter()
                    .map(|p| if is_guid(p) { "*".to_owned() } else { (*p).to_owned() })
                    .collect()
            };
            for parts in candidates {
                let pattern = starred(parts);
                let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
                let Some(collection) = catalogue.of_folder(&pattern) else { continue };
                self.tree_folder = Some(parts.join("/"));
                match collection.split_once("/*/") {
                    Some((parent, below)) => {
                        let id = parts.iter().find(|part| is_guid(part));
                        self.parent = id.map(|id| {
                            (parent.to_owned(), id.to_ascii_lowercase(), below.to_owned())
                        });
                        self.collection = Some(collection.to_owned());
                    }
                    None => self.collection = Some(collection.to_owned()),
                }
                return;
            }
        }
    }

    /// `…/groups/<id>/members….json`
    fn read_folders(&mut self, components: &[&str], stem: &str, catalogue: &Catalogue) {
        let Some(at) = components.iter().rposition(|component| is_guid(component)) else { return };
        let above = at.checked_sub(1).and_then(|at| components.get(at));
        let Some(collection) = above.and_then(|above| catalogue.of_name(above)) else { return };
        let below = components.get(at + 1).copied().unwrap_or(stem);
        let segment = below.split(['_', '.', ' ']).next().unwrap_or_default();
        if let Some(id) = components.get(at) {
            self.parent =
                Some((collection.to_owned(), id.to_ascii_lowercase(), segment.to_owned()));
        }
    }
}

/// Whether the folder at this place is one of the runs of a part of a collector suite: `Users/20261101-100005`, also with the
/// name of a part of the part behind the stamp.
fn is_run(components: &[&str], at: usize, catalogue: &Catalogue) -> bool {
    let above = at.checked_sub(1).and_then(|at| components.get(at));
    let stamp = components.get(at).and_then(|run| run.get(..15)).unwrap_or_default();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let dashed = stamp.split_once('-').is_some_and(|(date, time)| {
        (date.len(), time.len()) == (8, 6) && digits(date) && digits(time)
    });
    dashed && above.is_some_and(|above| catalogue.is_component(above))
}

/// The first GUID in a name, with what stands before and behind it.
fn guid_in(stem: &str) -> Option<(&str, String, &str)> {
    (0..stem.len().checked_sub(35)?).find_map(|at| {
        let id = stem.get(at..at + 36)?;
        let edge = |text: &str| text.is_empty() || text.ends_with(['_', '-', '.', ' ', '(']);
        let above = stem.get(..at)?;
        (is_guid(id) && edge(above) && !above.is_empty()).then(|| {
            (
                above.trim_end_matches(['_', '-', '.', ' ', '(']),
                id.to_ascii_lowercase(),
                stem.get(at + 36..).unwrap_or_default(),
            )
        })
    })
}

/// A stamp as names carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    date: Date,
    time: Option<Time>,
    zulu: bool,
}

impl Stamp {
    /// The first stamp in a name.
    fn find(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        // Some GUIDs hold eight digits that read like a date.
        let in_guid = |at: usize| {
            (at.saturating_sub(35)..=at)
                .any(|start| name.get(start..start + 36).is_some_and(is_guid))
        };
        (0..bytes.len())
            .filter(|at| {
                at.checked_sub(1).and_then(|b| bytes.get(b)).is_none_or(|b| !b.is_ascii_digit())
            })
            .filter_map(|at| Some((at, Self::at(bytes.get(at..)?)?)))
            .find(|(at, _)| !in_guid(*at))
            .map(|(_, stamp)| stamp)
    }

    fn at(bytes: &[u8]) -> Option<Self> {
        let dashed = bytes.get(4) == Some(&b'-');
        let (date, rest) = if dashed {
            if bytes.get(7) != Some(&b'-') {
                return None;
            }
            (date(bytes.get(..4)?, bytes.get(5..7)?, bytes.get(8..10)?)?, bytes.get(10..)?)
        } else {
            (date(bytes.get(..4)?, bytes.get(4..6)?, bytes.get(6..8)?)?, bytes.get(8..)?)
        };
        let behind = match rest.split_first() {
            Some((b'T' | b't' | b'-' | b'_' | b' ', behind)) => behind,
            Some((digit, _)) if digit.is_ascii_digit() && !dashed => rest,
            Some((digit, _)) if digit.is_ascii_digit() => return None,
            _ => return Some(Self { date, time: None, zulu: false }),
        };
        Some(match clock(behind) {
            Some((time, behind)) => {
                Self { date, time: Some(time), zulu: matches!(behind.first(), Some(b'Z' | b'z')) }
            }
            None => Self { date, time: None, zulu: false },
        })
    }

    /// `__HHMMSS__` in a file below a dated folder.
    fn time_of_day(stem: &str, date: Date) -> Option<Self> {
        stem.split("__").find_map(|part| {
            let (time, rest) = clock(part.as_bytes())?;
            rest.is_empty().then_some(Self { date, time: Some(time), zulu: false })
        })
    }

    fn interval(self, zone: Option<&TimeZone>) -> Interval {
        let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
        let local = |at: DateTime| match zone {
            Some(zone) => at.to_zoned(zone.clone()).map(|at| at.timestamp()),
            None => utc(at),
        };
        let Some(time) = self.time else {
            let start = local(self.date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MIN);
            let end = self
                .date
                .tomorrow()
                .and_then(|date| local(date.at(0, 0, 0, 0)))
                .and_then(|at| at.checked_sub(1.second()))
                .unwrap_or(Timestamp::MAX);
            return Interval { start, end };
        };
        let at = self.date.to_datetime(time);
        if self.zulu {
            Interval::instant(utc(at).unwrap_or(Timestamp::MIN))
        } else if zone.is_some() {
            Interval::instant(local(at).unwrap_or(Timestamp::MIN))
        } else {
            Interval::unzoned(utc(at).unwrap_or(Timestamp::MIN))
        }
    }
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn date(year: &[u8], month: &[u8], day: &[u8]) -> Option<Date> {
    let year = number::<i16>(year).filter(|year| (2000..2100).contains(year))?;
    Date::new(year, number(month)?, number(day)?).ok()
}

/// `HHMMSS`, `HH-MM-SS`, `HH:MM:SS`, `HH.MM.SS`, and what stands behind it.
fn clock(bytes: &[u8]) -> Option<(Time, &[u8])> {
    let parted = matches!(bytes.get(2), Some(b'-' | b':' | b'.' | b'_'));
    let (minute, second, length) = if parted { (3, 6, 8) } else { (2, 4, 6) };
    let time = Time::new(
        number(bytes.get(..2)?)?,
        number(bytes.get(minute..minute + 2)?)?,
        number(bytes.get(second..second + 2)?)?,
        0,
    )
    .ok()?;
    let rest = bytes.get(length..)?;
    if rest.first().is_some_and(u8::is_ascii_digit) { None } else { Some((time, rest)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    fn time(shown: &str) -> Option<(String, String, TimeSource)> {
        let time = Place::of(shown, catalogue(), None).time?;
        Some((time.interval.start.to_string(), time.interval.end.to_string(), time.source))
    }

    #[test]
    fn zoned_stamps_are_instants() {
        for name in
            ["users_20261102T030112Z_1a", "users_2026-11-02T030112Z", "u 2026-11-02T03-01-12Z"]
        {
            let (start, end, source) = time(&format!("x/{name}.json")).unwrap();
            assert_eq!((start.as_str(), source), ("2026-11-02T03:01:12Z", TimeSource::FileName));
            assert_eq!(start, end);
        }
    }

    #[test]
    fn a_stamp_without_zone_reaches_14_hours_either_way() {
        let (start, end, _) = time("2024-05-22/users__060616__c4d9c734.json").unwrap();
        assert_eq!(start, "2024-05-21T16:06:16Z");
        assert_eq!(end, "2024-05-22T20:06:16Z");
        let (start, _, source) = time("20240522-060616/users.json").unwrap();
        assert_eq!((start.as_str(), source), ("2024-05-21T16:06:16Z", TimeSource::FolderName));
    }

    #[test]
    fn a_bare_date_is_a_day_and_a_release_number_is_none() {
        let (start, end, _) = time("2024-05-22/users.json").unwrap();
        assert_eq!(
            (start.as_str(), end.as_str()),
            ("2024-05-22T00:00:00Z", "2024-05-22T23:59:59Z")
        );
        assert_eq!(time("2024.6.1/users.json"), None);
        assert_eq!(time("Config/2024.12.10/users.json"), None);
        assert_eq!(time("users-12345678.json"), None);
    }

    #[test]
    fn a_guid_is_no_date() {
        let id = "9ac8af4f-735c-4fa4-85b9-a20961210e96";
        assert_eq!(time(&format!("Users/{id}/{id}.json")), None);
        let (start, _, source) = time(&format!("2024-05-22/Users/{id}/{id}.json")).unwrap();
        assert_eq!((start.as_str(), source), ("2024-05-22T00:00:00Z", TimeSource::FolderName));
        let (start, ..) = time(&format!("x/groups_{id}_members_20261102T030112Z.json")).unwrap();
        assert_eq!(start, "2026-11-02T03:01:12Z");
    }

    #[test]
    fn a_zone_given_by_the_user_settles_stamps_without_one() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let place = Place::of("20240522-060616/users.json", catalogue(), Some(&zone));
        assert_eq!(place.time.unwrap().interval.start.to_string(), "2024-05-22T04:06:16Z");
    }

    #[test]
    fn a_relation_file_names_its_parent() {
        let id = "0f94820e-8042-4554-a827-57efdc8bd6cb";
        for shown in [
            format!("t/groups_{id}_members_20261102T030512Z_ab.json"),
            format!("t/groups/{id}/members.json"),
        ] {
            let parent = Place::of(&shown, catalogue(), None).parent.unwrap();
            assert_eq!(
                parent,
                ("groups".to_owned(), id.to_owned(), "members".to_owned()),
                "{shown}"
            );
        }
        let tree = format!("t/Groups/{id}/Members/{id}/{id}.json");
        assert_eq!(Place::of(&tree, catalogue(), None).parent.unwrap().1, id);
    }

    #[test]
    fn a_guid_folder_is_a_tenant_unless_it_is_an_object() {
        let id = "0f94820e-8042-4554-a827-57efdc8bd6cb";
        let place = Place::of(&format!("{id}/2026-11-01/users.json"), catalogue(), None);
        assert_eq!(place.tenant.as_deref(), Some(id));
        let place = Place::of(&format!("x/groups/{id}/members.json"), catalogue(), None);
        assert_eq!(place.tenant, None);
    }
}
