//! Accounts and what their plans allow.

use crate::ids::AccountId;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
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
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Starter, Self::Standard, Self::Pro];

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

    /// Whether it has a feature: the one place that decides.
    pub fn has(self, feature: Feature) -> bool {
        match feature {
            Feature::Discord => true,
            Feature::LiveMonitoring | Feature::Takeover | Feature::Escalation => self != Self::Starter,
        }
    }

    /// The same for whoever is about to use it.
    pub fn require(self, feature: Feature) -> Result<(), NotInPlan> {
        if self.has(feature) { Ok(()) } else { Err(NotInPlan { feature, plan: self }) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starter => "Starter",
            Self::Standard => "Standard",
            Self::Pro => "Pro",
        })
    }
}

/// What some plans have and others have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Answers on Discord.
    Discord,
    /// Active conversations in the dashboard while they happen.
    LiveMonitoring,
    /// A person takes over a conversation.
    Takeover,
    /// The team is told when somebody wants to speak to a person.
    Escalation,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Discord, Self::LiveMonitoring, Self::Takeover, Self::Escalation];

    /// The smallest plan that has it.
    pub fn first_plan(self) -> Plan {
        Plan::ALL.into_iter().find(|plan| plan.has(self)).unwrap_or(Plan::Pro)
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discord => "Discord",
            Self::LiveMonitoring => "Live monitoring",
            Self::Takeover => "Takeover",
            Self::Escalation => "Escalation",
        })
    }
}

/// A plan lacks what somebody wants to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{feature} comes with the plan {} and above. This account has {plan}.", feature.first_plan())]
pub struct NotInPlan {
    /// What they want.
    pub feature: Feature,
    /// What they have.
    pub plan: Plan,
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
    first: Date,
}

impl Month {
    /// The month that `now` lies in.
    pub fn of(now: Timestamp) -> Self {
        Self { first: day_of(now).first_of_month() }
    }

    /// The month before; the earliest month has none and is its own.
    #[must_use]
    pub fn previous(self) -> Self {
        Self { first: self.first.yesterday().map_or(self.first, Date::first_of_month) }
    }

    /// Its days, in order.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.first.series(jiff::Span::new().days(1)).take(usize::try_from(self.first.days_in_month()).unwrap_or(0))
    }

    /// The first moment of the month after it.
    pub fn end(self) -> Timestamp {
        let next = self.first.last_of_month().tomorrow().and_then(|first| first.to_zoned_datetime(TimeZone::UTC));
        next.map_or(Timestamp::MAX, |first| first.timestamp())
    }
}

/// The day in UTC that `now` lies in.
pub fn day_of(now: Timestamp) -> Date {
    now.to_zoned_datetime(TimeZone::UTC).date()
}

impl std::str::FromStr for Month {
    type Err = String;

    /// As it is displayed, and in no other way.
    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || "a month is written like 2026-11".to_owned();
        let first: Date = format!("{text}-01").parse().map_err(|_| refusal())?;
        let month = Self { first };
        if month.to_string() == text { Ok(month) } else { Err(refusal()) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
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
    fn the_count_begins_again_with_the_next_month() {
        for (now, end) in [
            ("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            assert_eq!(Month::of(now.parse().unwrap()).end(), end.parse().unwrap());
        }
    }

    #[test]
    fn months_are_read_as_they_are_written() {
        let month: Month = "2026-01".parse().unwrap();
        assert_eq!(month.previous().to_string(), "2025-12");
        assert_eq!(month.previous().previous().days().count(), 30);
        assert_eq!("2028-02".parse::<Month>().unwrap().days().last().unwrap().to_string(), "2028-02-29");
        for text in [
            "",
            "2026",
            "2026-13",
            "2026-1",
            "26-11",
            "2026-11-01",
            "2026-11 ",
            "+2026-11",
            "-000001-11",
            "２０２６-11",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    /// What the plans are sold with.
    #[test]
    fn each_plan_has_its_features() {
        let has = |plan: Plan| Feature::ALL.into_iter().filter(|&feature| plan.has(feature)).count();
        assert_eq!(Plan::ALL.map(has), [1, 4, 4]);
        assert_eq!(Plan::ALL.map(Plan::messages_per_month), [2_500, 15_000, 50_000]);
        assert_eq!(
            Feature::ALL.map(Feature::first_plan),
            [Plan::Starter, Plan::Standard, Plan::Standard, Plan::Standard]
        );
        let refusal = Plan::Starter.require(Feature::Takeover).unwrap_err();
        assert_eq!(refusal.to_string(), "Takeover comes with the plan Standard and above. This account has Starter.");
        assert_eq!(Plan::Pro.require(Feature::Takeover), Ok(()));
    }

    #[test]
    fn an_unknown_plan_names_the_known_ones() {
        assert_eq!("Pro".parse(), Ok(Plan::Pro));
        assert!("gold".parse::<Plan>().unwrap_err().contains("starter, standard and pro"));
    }
}
