//! How the records of an exhibit become JSON, as a case keeps it: without it they could not be opened again.

use std::sync::Arc;

use super::facts::{one_of, put_one_of};
use super::wire::{Reader, Writer};
use crate::directory::{CellKind, Column};
use crate::intake::{Clixml, DateOrder, LogSheet, OtherRows, Rendering, Respelling, Sheet};
use crate::model::Table;

const ORDERS: [DateOrder; 2] = [DateOrder::MonthFirst, DateOrder::DayFirst];

pub(super) fn put(writer: &mut Writer, rendering: &Rendering) {
    match rendering {
        Rendering::Verbatim => writer.count(0),
        Rendering::Sheet(sheet) => {
            writer.count(1);
            let Sheet { delimiter, columns, empty_is_null, other } = &**sheet;
            writer.raw(&[*delimiter]);
            writer.flag(*empty_is_null);
            put_columns(writer, columns);
            writer.optional(other.as_ref(), |writer, other| {
                writer.count(other.column);
                writer.text(&other.value);
                put_columns(writer, &other.columns);
            });
        }
        Rendering::LogSheet(sheet) => {
            writer.count(4);
            let LogSheet { delimiter, headings, dates, order } = &**sheet;
            writer.raw(&[*delimiter]);
            writer.texts(headings);
            writer.count(dates.len());
            dates.iter().for_each(|place| writer.number((*place).into()));
            writer.optional(order.as_ref(), |writer, order| put_one_of(writer, &ORDERS, order));
        }
        Rendering::Clixml(clixml) => {
            writer.count(2);
            writer.count(clixml.shared.len());
            for (number, (offset, json)) in &clixml.shared {
                writer.number(*number);
                writer.number(*offset);
                writer.bytes(json);
            }
        }
        Rendering::Tables(tables) => {
            writer.count(3);
            let names: Vec<&str> = tables.iter().map(|table| table.as_str()).collect();
            writer.texts(&names);
        }
        Rendering::Mapped(respelling) => {
            writer.count(5);
            let Respelling { id, time, rename } = &**respelling;
            writer.text(id);
            writer.optional(time.as_deref(), Writer::text);
            writer.count(rename.len());
            for (member, name) in rename {
                writer.text(member);
                writer.text(name);
            }
        }
    }
}

fn put_columns(writer: &mut Writer, columns: &[Option<Column>]) {
    writer.count(columns.len());
    for column in columns {
        writer.optional(column.as_ref(), |writer, column| {
            writer.text(&column.attribute);
            put_one_of(writer, &CellKind::ALL, &column.kind);
        });
    }
}

fn take_columns(reader: &mut Reader<'_>) -> Option<Vec<Option<Column>>> {
    reader.list(|reader| {
        reader.optional(|reader| {
            Some(Column { attribute: reader.string()?, kind: one_of(reader, &CellKind::ALL)? })
        })
    })
}

pub(super) fn take(reader: &mut Reader<'_>) -> Option<Rendering> {
    Some(match reader.count()? {
        0 => Rendering::Verbatim,
        1 => {
            let [delimiter] = reader.raw()?;
            let empty_is_null = reader.flag()?;
            let columns = take_columns(reader)?;
            let other = reader.optional(|reader| {
                let (column, value) = (reader.count()?, reader.string()?);
                Some(OtherRows { column, value, columns: take_columns(reader)? })
            })?;
            Rendering::Sheet(Arc::new(Sheet { delimiter, columns, empty_is_null, other }))
        }
        2 => {
            let shared = reader.list(|reader| {
                Some((reader.number()?, (reader.number()?, Arc::from(reader.bytes()?))))
            })?;
            Rendering::Clixml(Arc::new(Clixml { shared: shared.into_iter().collect() }))
        }
        3 => {
            let names = reader.list(Reader::text)?;
            Rendering::Tables(names.iter().map(|name| Table::named(name)).collect())
        }
        4 => Rendering::LogSheet(Arc::new(LogSheet {
            delimiter: u8::from_le_bytes(reader.raw()?),
            headings: reader.list(Reader::string)?,
            dates: reader.list(Reader::small)?,
            order: reader.optional(|reader| one_of(reader, &ORDERS))?,
        })),
        5 => Rendering::Mapped(Arc::new(Respelling {
            id: reader.string()?,
            time: reader.optional(Reader::string)?,
            rename: reader.list(|reader| Some((reader.string()?, reader.string()?)))?,
        })),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_rendering_renders_the_same() {
        let columns = vec![
            Some(Column { attribute: "id".to_owned(), kind: CellKind::Text }),
            None,
            Some(Column { attribute: "businessPhones".to_owned(), kind: CellKind::OnlyItem }),
        ];
        let other =
            OtherRows { column: 1, value: "Delegated".to_owned(), columns: columns.clone() };
        let sheet = Sheet { delimiter: b';', columns, empty_is_null: true, other: Some(other) };
        let shared = [(2, (40, Arc::from(b"[\"+1\"]".as_slice()))), (7, (0, Arc::from([])))];
        let clixml = Clixml { shared: shared.into_iter().collect() };
        let log = LogSheet {
            delimiter: b',',
            headings: vec!["Date (UTC)".to_owned(), "Activity".to_owned()],
            dates: vec![0],
            order: Some(DateOrder::DayFirst),
        };
        let mapped = Respelling {
            id: "AppId".to_owned(),
            time: Some("at".to_owned()),
            rename: vec![("AppDisplayName".to_owned(), "displayName".to_owned())],
        };
        let kept = [
            Rendering::Verbatim,
            Rendering::Mapped(Arc::new(mapped)),
            Rendering::LogSheet(Arc::new(log)),
            Rendering::Sheet(Arc::new(sheet)),
            Rendering::Clixml(Arc::new(clixml)),
            Rendering::Tables(["Users", "Groups"].map(Table::named).into_iter().collect()),
        ];
        let mut writer = Writer::default();
        kept.iter().for_each(|rendering| put(&mut writer, rendering));
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes).unwrap();
        for rendering in kept {
            assert_eq!(format!("{:?}", take(&mut reader)), format!("{:?}", Some(rendering)));
        }
        assert!(take(&mut reader).is_none());
    }
}
