//! What everybody means by a status.

use crate::classify::row::Charge::{
    BadRequest, Broken, KeyRejected, ModelDenied, OutOfMoney, RateLimited,
};
use crate::classify::row::Says::{Anything, Retry};
use crate::classify::row::{BREAKDOWNS, Family, Row, status};

const HTTP: &str = "RFC 9110";

pub(super) const ANYONE: Family = Family {
    name: "Anyone else",
    rows: &[
        Row::new(status![401], Anything, KeyRejected, HTTP),
        Row::new(
            status![402],
            Anything,
            OutOfMoney,
            "RFC 9110; all that send it mean money",
        ),
        Row::new(status![403], Anything, ModelDenied, HTTP),
        Row::new(status![409], Retry, Broken, "the SDKs' `x-should-retry`"),
        Row::new(status![429], Anything, RateLimited, "RFC 6585"),
        Row::new(&[(400, 499)], Anything, BadRequest, HTTP),
        Row::new(BREAKDOWNS, Anything, Broken, HTTP),
    ],
};
