//! The days, weeks and months that budgets are for, as a calendar on a wall has them.
//!
//! A period begins at an hour of a day in a time zone; where the clocks are put forward over that
//! hour, as soon as they show a later one. A month without that day begins on its last one. Time
//! zones come from a table that is built in.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

/// The time zones that are built in, and none of the system's: gateways that share a budget must mean the
/// same days.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A moment as a wall clock shows it: microseconds since 1970-01-01 UTC. Beside it `Time` has no
/// calendar; unlike it, this one may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl Wall {
    /// The day of this moment in UTC: days since 1970-01-01.
    pub const fn day(self) -> u32 {
        let day = self.0.div_euclid(86_400_000_000);
        if day < 0 { 0 } else { day as u32 }
    }

    /// The time since `earlier`, or nothing if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// From day to day.
    Day,
    /// From a day of the week to the next, Monday being 1.
    Week(i8),
    /// From a day of the month to the next.
    Month(i8),
}

/// What a budget is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    unit: Unit,
    zone: TimeZone,
    hour: i8,
}

impl Period {
    /// From `hour` o'clock on, in the time zone of this name; `None`: there is none.
    pub fn new(unit: Unit, zone: &str, hour: i8) -> Option<Self> {
        let zone = ZONES.get(zone).ok()?;
        Some(Self { unit, zone, hour })
    }

    /// The period's word in the policy file.
    pub const fn word(&self) -> &'static str {
        match self.unit {
            Unit::Day => "day",
            Unit::Week(_) => "week",
            Unit::Month(_) => "month",
        }
    }

    /// The period in the words of the policy file: `week from sunday, 00:00 Europe/Berlin`.
    pub fn in_words(&self) -> String {
        const DAYS: [&str; 7] = [
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        let text = self.to_string();
        let name = |day: i8| DAYS.get(usize::try_from(day).ok()?.checked_sub(1)?);
        match self.unit {
            Unit::Week(day) => match name(day) {
                Some(name) => text.replacen(&format!("day {day},"), &format!("{name},"), 1),
                None => text,
            },
            Unit::Day | Unit::Month(_) => text,
        }
    }

    /// The beginning and the end of the period that `now` is in.
    pub fn around(&self, now: Wall) -> (Wall, Wall) {
        let moment = Timestamp::from_microsecond(now.0).unwrap_or_default();
        let today = self.zone.to_datetime(moment).date();
        let first = self.first(today);
        let begin = self.begin(first);
        if begin > now {
            return (self.begin(self.step(first, -1)), begin);
        }
        (begin, self.begin(self.step(first, 1)))
    }

    /// The first day of the period that has `day`, hours left aside.
    fn first(&self, day: Date) -> Date {
        match self.unit {
            Unit::Day => day,
            Unit::Week(first) => {
                let first = Weekday::from_monday_one_offset(first).unwrap_or(Weekday::Monday);
                let days = i64::from(day.weekday().since(first));
                day.saturating_sub(days.days())
            }
            Unit::Month(first) => {
                let this = in_month(day, first);
                if this <= day {
                    this
                } else {
                    in_month(day.first_of_month().saturating_sub(1.days()), first)
                }
            }
        }
    }

    /// The first day of the period before (-1) or after (1) the one of `first`.
    fn step(&self, first: Date, by: i64) -> Date {
        match self.unit {
            Unit::Day => first.saturating_add(by.days()),
            Unit::Week(_) => first.saturating_add((7 * by).days()),
            Unit::Month(day) => in_month(first.first_of_month().saturating_add(by.months()), day),
        }
    }

    fn begin(&self, first: Date) -> Wall {
        let at = self
            .zone
            .to_ambiguous_zoned_datetime(first.at(self.hour, 0, 0, 0));
        match at.compatible() {
            Ok(begin) => Wall(begin.timestamp().as_microsecond()),
            Err(_) => Wall(i64::MAX),
        }
    }
}

fn in_month(month: Date, day: i8) -> Date {
    let day = day.min(month.days_in_month());
    month.with().day(day).build().unwrap_or(month)
}

impl fmt::Display for Period {
    /// `month from day 1, 00:00 Europe/Berlin`: what it is known by in the ledger.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self.unit {
            Unit::Day => {}
            Unit::Week(day) | Unit::Month(day) => write!(f, " from day {day}")?,
        }
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, ", {:02}:00 {zone}", self.hour)
    }
}

/// It is no period as one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no period")]
pub struct NoPeriod;

impl FromStr for Period {
    type Err = NoPeriod;

    /// What [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, NoPeriod> {
        let (unit, from) = text.split_once(", ").ok_or(NoPeriod)?;
        let unit = match unit.split_once(" from day ") {
            None if unit == "day" => Unit::Day,
            Some(("week", day)) => Unit::Week(day.parse().map_err(|_| NoPeriod)?),
            Some(("month", day)) => Unit::Month(day.parse().map_err(|_| NoPeriod)?),
            _ => return Err(NoPeriod),
        };
        let (hour, zone) = from.split_once(":00 ").ok_or(NoPeriod)?;
        let hour: i8 = hour.parse().map_err(|_| NoPeriod)?;
        let is_possible = match unit {
            Unit::Day => true,
            Unit::Week(day) => (1..=7).contains(&day),
            Unit::Month(day) => (1..=31).contains(&day),
        };
        let possible = (is_possible && (0..24).contains(&hour)).then_some(());
        possible
            .and_then(|()| Self::new(unit, zone, hour))
            .ok_or(NoPeriod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(text: &str) -> Wall {
        let moment: Timestamp = text.parse().expect(text);
        Wall(moment.as_microsecond())
    }

    #[test]
    fn people_read_the_day_of_a_week_by_its_name() {
        for (unit, words) in [
            (Unit::Week(7), "week from sunday, 06:00 UTC"),
            (Unit::Month(7), "month from day 7, 06:00 UTC"),
            (Unit::Day, "day, 06:00 UTC"),
        ] {
            let period = Period::new(unit, "UTC", 6).expect("a zone");
            assert_eq!(period.in_words(), words);
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn periods_are_those_of_the_calendar() {
        for (unit, zone, hour, now, begin, end) in [
            (
                Unit::Day,
                "UTC",
                0,
                "2026-11-26T00:00:00Z",
                "2026-11-26T00:00:00Z",
                "2026-11-27T00:00:00Z",
            ),
            (
                Unit::Day,
                "UTC",
                6,
                "2026-11-26T05:59:59Z",
                "2026-11-25T06:00:00Z",
                "2026-11-26T06:00:00Z",
            ),
            // The clocks go back: a day of 25 hours.
            (
                Unit::Day,
                "Europe/Berlin",
                0,
                "2026-10-25T12:00:00Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            // They go forward over the hour itself.
            (
                Unit::Day,
                "Europe/Berlin",
                2,
                "2026-03-29T12:00:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:00:00Z",
            ),
            (
                Unit::Week(1),
                "UTC",
                0,
                "2026-11-26T10:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                Unit::Week(7),
                "America/New_York",
                0,
                "2026-11-22T04:00:00Z",
                "2026-11-15T05:00:00Z",
                "2026-11-22T05:00:00Z",
            ),
            (
                Unit::Month(1),
                "Asia/Kolkata",
                0,
                "2026-11-30T18:29:59Z",
                "2026-10-31T18:30:00Z",
                "2026-11-30T18:30:00Z",
            ),
            (
                Unit::Month(1),
                "UTC",
                0,
                "2026-12-31T23:59:59Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
            (
                Unit::Month(31),
                "UTC",
                0,
                "2027-02-10T00:00:00Z",
                "2027-01-31T00:00:00Z",
                "2027-02-28T00:00:00Z",
            ),
            (
                Unit::Month(31),
                "UTC",
                0,
                "2027-03-01T00:00:00Z",
                "2027-02-28T00:00:00Z",
                "2027-03-31T00:00:00Z",
            ),
            (
                Unit::Month(15),
                "UTC",
                9,
                "2026-11-15T08:00:00Z",
                "2026-10-15T09:00:00Z",
                "2026-11-15T09:00:00Z",
            ),
        ] {
            let period = Period::new(unit, zone, hour).expect(zone);
            assert_eq!(
                period.around(wall(now)),
                (wall(begin), wall(end)),
                "{period} {now}"
            );
        }
        assert_eq!(Period::new(Unit::Day, "Europe/Atlantis", 0), None);
    }

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for (unit, zone, hour) in [
            (Unit::Day, "UTC", 0),
            (Unit::Week(7), "Europe/Berlin", 23),
            (Unit::Month(31), "America/Argentina/Buenos_Aires", 6),
        ] {
            let period = Period::new(unit, zone, hour).expect(zone);
            assert_eq!(period.to_string().parse(), Ok(period));
        }
        for text in [
            "",
            "day",
            "year, 00:00 UTC",
            "week from day 8, 00:00 UTC",
            "month from day 0, 00:00 UTC",
            "day, 24:00 UTC",
            "day, 00:00 Europe/Atlantis",
        ] {
            assert_eq!(text.parse::<Period>(), Err(NoPeriod), "{text}");
        }
    }

    #[test]
    fn every_moment_is_in_its_period_and_periods_leave_no_gap() {
        for (unit, zone) in [
            (Unit::Day, "America/Sao_Paulo"),
            (Unit::Week(3), "Pacific/Auckland"),
            (Unit::Month(30), "Europe/London"),
        ] {
            let period = Period::new(unit, zone, 1).expect(zone);
            let mut now = wall("2024-01-01T00:00:00Z");
            while now < wall("2027-01-01T00:00:00Z") {
                let (begin, end) = period.around(now);
                assert!(begin <= now && now < end, "{period} {now:?}");
                assert_eq!(period.around(end).0, end, "{period} {now:?}");
                assert_eq!(period.around(Wall(end.0 - 1)).0, begin, "{period} {now:?}");
                now.0 += 7 * 3_600_000_000 + 13;
            }
        }
    }
}
