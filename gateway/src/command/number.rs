//! Numbers as the tables, the sentences and the plot write them.

/// A share as a percentage: one digit after the point, and never rounded to a whole it is not.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 100.0 && percent > 99.9 {
        return format!("{percent:.3} %");
    }
    format!("{percent:.1} %")
}

/// Seconds, as finely as matters to a person.
pub(crate) fn seconds(secs: f64) -> String {
    match secs {
        _ if secs < 0.0005 => "0 s".to_owned(),
        _ if secs < 10.0 => format!("{secs:.2} s"),
        _ => format!("{secs:.1} s"),
    }
}

/// A large amount: `950`, `12.3 k`, `4.56 M`.
pub(crate) fn amount(amount: f64) -> String {
    let (scaled, unit) = match amount.abs() {
        size if size >= 999_500_000.0 => (amount / 1e9, " G"),
        size if size >= 999_500.0 => (amount / 1e6, " M"),
        size if size >= 9_999.5 => (amount / 1e3, " k"),
        _ => (amount, ""),
    };
    let digits = match scaled.abs() {
        size if (size - size.round()).abs() < 1e-9 || size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{scaled:.digits$}");
    let text = match digits {
        0 => &text,
        _ => text.trim_end_matches('0').trim_end_matches('.'),
    };
    format!("{text}{unit}")
}

/// A factor as short as it can be: `1.2`, `2`.
pub(crate) fn factor(factor: f64) -> String {
    let text = format!("{factor:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_fine_as_they_need_to_be() {
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.9998), "99.980 %");
        assert_eq!(percent(0.123), "12.3 %");
        assert_eq!(seconds(0.0), "0 s");
        assert_eq!(seconds(0.1234), "0.12 s");
        assert_eq!(seconds(12.34), "12.3 s");
        assert_eq!(amount(950.0), "950");
        assert_eq!(amount(12_340.0), "12.3 k");
        assert_eq!(amount(400_000.0), "400 k");
        assert_eq!(amount(2_345_000.0), "2.35 M");
        assert_eq!(amount(0.5), "0.5");
        assert_eq!(amount(7.5), "7.5");
        assert_eq!(factor(1.2), "1.2");
        assert_eq!(factor(2.0), "2");
    }
}
