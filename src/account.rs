//! Accounts and what their plans allow.

use crate::ids::AccountId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A customer of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: String,
    /// What it may use.
    pub plan: Plan,
}

/// What an account may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// 2,500 messages a month; Discord.
    Starter,
    /// 15,000 messages a month; adds live monitoring, takeover and escalation.
    Standard,
    /// 50,000 messages a month.
    Pro,
}

impl Plan {
    /// Messages a calendar month (UTC), shared by all channels of the account.
    pub fn messages_per_month(self) -> u32 {
        match self {
            Self::Starter => 2_500,
            Self::Standard => 15_000,
            Self::Pro => 50_000,
        }
    }

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Standard => "standard",
            Self::Pro => "pro",
        }
    }

    /// Whether the team is told when somebody wants to speak to a person.
    pub fn escalates(self) -> bool {
        match self {
            Self::Starter => false,
            Self::Standard | Self::Pro => true,
        }
    }
}

/// What a member of an account may do there. A role may all that a lesser one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees servers, conversations and what answers are taken from; changes no settings.
    Agent,
    /// Changes everything but who is an owner and who is a member.
    Admin,
    /// Everything.
    Owner,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agent => "agent",
            Self::Admin => "admin",
            Self::Owner => "owner",
        })
    }
}

impl std::str::FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "starter" => Ok(Self::Starter),
            "standard" => Ok(Self::Standard),
            "pro" => Ok(Self::Pro),
            _ => Err(format!("“{text}” is not a plan; the plans are starter, standard and pro")),
        }
    }
}

/// A calendar month in UTC: what quota is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month that `now` lies in.
    pub fn of(now: jiff::Timestamp) -> Self {
        let date = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_midnight_utc() {
        assert_eq!(Month::of("2026-11-30T23:59:59Z".parse().unwrap()).to_string(), "2026-11");
        assert_eq!(Month::of("2026-12-01T00:00:00Z".parse().unwrap()).to_string(), "2026-12");
    }

    #[test]
    fn an_unknown_plan_names_the_known_ones() {
        assert_eq!("Pro".parse(), Ok(Plan::Pro));
        assert!("gold".parse::<Plan>().unwrap_err().contains("starter, standard and pro"));
    }
}
