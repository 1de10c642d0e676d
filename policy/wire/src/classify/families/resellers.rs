//! OpenRouter.

use crate::classify::row::Charge::{BadRequest, Broken, KeyRejected, OutOfMoney, TooLargeForLimit};
use crate::classify::row::Says::{Anything, Begins, Has};
use crate::classify::row::{Family, RIGHTS, Row, status};

const ERRORS: &str = "OpenRouter, Errors and debugging";
const SEEN: &str = "seen in issue threads";

pub(super) const OPENROUTER: Family = Family {
    name: "OpenRouter",
    rows: &[
        // Nothing at all can be afforded.
        Row::new(
            status![402],
            Begins(&["this request requires more credits*can only afford 0."]),
            OutOfMoney,
            SEEN,
        ),
        // An amount that this request cannot afford; smaller ones are served.
        Row::new(
            status![402],
            Has(&[
                "can only afford",
                "or fewer max_tokens",
                "prompt tokens limit exceeded",
            ]),
            TooLargeForLimit,
            SEEN,
        ),
        Row::new(
            status![402],
            Begins(&["insufficient credits"]),
            OutOfMoney,
            ERRORS,
        ),
        // The key's own limit; the account may have money.
        Row::new(RIGHTS, Begins(&["key limit exceeded"]), KeyRejected, SEEN),
        Row::new(
            status![403],
            Has(&["moderation", "was flagged"]),
            BadRequest,
            ERRORS,
        ),
        Row::new(status![408], Anything, Broken, ERRORS),
    ],
};
