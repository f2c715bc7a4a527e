//! What messages are counted as: by day and by kind.

use crate::account::{Month, day_of};
use crate::question::{Heard, Question, ReplyTo};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How a message came to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A question that was put to the bot in a channel: by a mention, a reply or in private.
    Mention,
    /// A message that was said in a channel where all are read.
    AllMessages,
    /// A question by a command.
    Command,
    /// A question by the API, the playground or the command line.
    Api,
    /// What a team's other channels have reported.
    Other,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Mention, Self::AllMessages, Self::Command, Self::Api, Self::Other];

    /// What a question counts as.
    pub fn of(question: &Question) -> Self {
        match (&question.reply_to, question.heard) {
            (ReplyTo::Caller, _) => Self::Api,
            (ReplyTo::Interaction { .. }, _) => Self::Command,
            (ReplyTo::Message { .. }, Heard::Directly) => Self::Mention,
            (ReplyTo::Message { .. }, Heard::InPassing | Heard::InPassingSmart) => Self::AllMessages,
        }
    }

    /// Its letter in the table. Never reuse one; `p` and `s` would make names of cells that differ from those of the
    /// keys in case alone.
    const fn letter(self) -> char {
        match self {
            Self::Mention => 'm',
            Self::AllMessages => 'a',
            Self::Command => 'c',
            Self::Api => 'w',
            Self::Other => 'o',
        }
    }
}

/// What is counted as one kind on one day of a month: the name of an attribute in each share of the month.
///
/// Two characters, so that a share with all days and kinds stays below the kilobyte that one write unit pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cell {
    /// 1 to 31.
    pub day: u8,
    /// What it is counted as.
    pub kind: Kind,
}

impl Cell {
    /// Where a message of this moment is counted.
    pub fn at(now: Timestamp, kind: Kind) -> Self {
        Self { day: u8::try_from(day_of(now).day()).unwrap_or(1), kind }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = char::from_digit(u32::from(self.day), 32).unwrap_or('0').to_ascii_uppercase();
        write!(f, "{}{day}", self.kind.letter())
    }
}

/// It is the name of no cell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no cell of a month")]
pub struct NoCell;

impl FromStr for Cell {
    type Err = NoCell;

    fn from_str(name: &str) -> Result<Self, NoCell> {
        let mut chars = name.chars();
        let (Some(letter), Some(day), None) = (chars.next(), chars.next(), chars.next()) else { return Err(NoCell) };
        let kind = Kind::ALL.into_iter().find(|kind| kind.letter() == letter).ok_or(NoCell)?;
        let day = Some(day).filter(|day| !day.is_ascii_lowercase()).and_then(|day| day.to_digit(32));
        let day = day.and_then(|day| u8::try_from(day).ok()).filter(|day| (1..=31).contains(day)).ok_or(NoCell)?;
        Ok(Self { day, kind })
    }
}

impl TryFrom<String> for Cell {
    type Error = NoCell;

    fn try_from(name: String) -> Result<Self, NoCell> {
        name.parse()
    }
}

impl From<Cell> for String {
    fn from(cell: Cell) -> Self {
        cell.to_string()
    }
}

/// What was counted in a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of it.
    pub used: u32,
    /// The same by day and kind; where that is less, it was counted before kinds were told apart.
    pub cells: BTreeMap<Cell, u32>,
}

impl Tally {
    /// How much was counted as one kind.
    pub fn of_kind(&self, kind: Kind) -> u32 {
        self.sum(|cell| cell.kind == kind)
    }

    /// How much of each kind was counted on each day of the month.
    pub fn by_day(&self, month: Month) -> impl Iterator<Item = (Date, [(Kind, u32); Kind::ALL.len()])> {
        month.days().map(|date| {
            let day = u8::try_from(date.day()).unwrap_or(0);
            (date, Kind::ALL.map(|kind| (kind, self.cells.get(&Cell { day, kind }).copied().unwrap_or(0))))
        })
    }

    fn sum(&self, counts: impl Fn(&Cell) -> bool) -> u32 {
        self.cells.iter().filter(|(cell, _)| counts(cell)).fold(0, |sum, (_, used)| sum.saturating_add(*used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_day_and_kind_has_a_name_of_its_own() {
        let cells: Vec<Cell> = (1..=31).flat_map(|day| Kind::ALL.map(|kind| Cell { day, kind })).collect();
        let names: std::collections::BTreeSet<String> = cells.iter().map(Cell::to_string).collect();
        assert_eq!(names.len(), cells.len());
        for cell in cells {
            assert_eq!(cell.to_string().len(), 2);
            assert_eq!(cell.to_string().parse(), Ok(cell));
        }
        assert_eq!(Cell::at("2026-11-24T23:59:59Z".parse().unwrap(), Kind::Mention).to_string(), "mO");
    }

    proptest! {
        #[test]
        fn no_other_name_is_a_cell(name in "[a-zA-Z0-9#é]{0,3}") {
            if let Ok(cell) = name.parse::<Cell>() {
                prop_assert_eq!(cell.to_string(), name);
            }
        }
    }
}
