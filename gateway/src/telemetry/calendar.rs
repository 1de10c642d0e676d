//! Days as a calendar has them, in UTC.

/// A date of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
}

/// The date of a day, counted since 1970-01-01, by Howard Hinnant's `civil_from_days`.
pub(crate) const fn date(day: u64) -> Date {
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    Date {
        year: year_of_era + era * 400 + (month <= 2) as u64,
        month,
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
    }
}

/// A day as people write it: `2026-11-26`.
pub(crate) fn show_day(day: u32) -> String {
    let Date { year, month, day } = date(day.into());
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day of a date as [`show_day`] writes it, by Howard Hinnant's `days_from_civil`.
pub(crate) fn read_day(text: &str) -> Option<u32> {
    if text.len() != "2026-11-26".len() {
        return None;
    }
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let is_right = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && parts.next().is_none();
    if !is_right {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    u32::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, shown) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (20_783, "2026-11-26"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(show_day(day), shown);
            assert_eq!(read_day(shown), Some(day));
        }
        for wrong in [
            "",
            "2026-13-01",
            "2026-00-01",
            "26-11-26",
            "2026-11-26T",
            "1969-01-01",
        ] {
            assert_eq!(read_day(wrong), None, "{wrong}");
        }
    }
}
