//! Alibaba's Model Studio (`DashScope`).

use crate::classify::row::Charge::{BadRequest, ModelDenied, OutOfMoney, RampLimited, RateLimited};
use crate::classify::row::Says::Code;
use crate::classify::row::{Family, RIGHTS, Row, STATES, status};

const CODES: &str = "Alibaba Cloud Model Studio, Error codes";

pub(super) const ALIBABA: Family = Family {
    name: "Alibaba (DashScope)",
    rows: &[
        Row::new(
            STATES,
            Code(&["arrearage", "prepaidbilloverdue", "postpaidbilloverdue"]),
            OutOfMoney,
            CODES,
        ),
        Row::new(
            status![429],
            Code(&["throttling.burstrate"]),
            RampLimited,
            CODES,
        ),
        Row::new(
            status![429],
            Code(&[
                "throttling",
                "throttling.ratequota",
                "throttling.allocationquota",
                "limitrequests",
            ]),
            RateLimited,
            CODES,
        ),
        Row::new(
            RIGHTS,
            Code(&[
                "allocationquota.freetieronly",
                "accessdenied.unpurchased",
                "model.accessdenied",
                "workspace.accessdenied",
            ]),
            ModelDenied,
            CODES,
        ),
        Row::new(
            status![400],
            Code(&["datainspectionfailed", "data_inspection_failed"]),
            BadRequest,
            CODES,
        ),
    ],
};
