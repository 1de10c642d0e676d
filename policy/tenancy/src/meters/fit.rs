//! Whether a request fits in one row.

use std::time::Duration;

use super::row::Row;
use crate::claim::Claim;
use crate::lack::{Awaits, Ends, Lack, Lacking};
use crate::meter::Meter;
use crate::request::{Asked, Moment};
use crate::room::Room;
use crate::sharing::Sharing;

/// A request fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Now, or when its turn comes, in so long.
    In(Duration),
    /// It would not, were this not only counted.
    Shadowed(Lacking),
}

impl Row {
    /// Whether there is room for what is claimed.
    pub(super) fn fits(
        &mut self,
        claim: &Claim,
        (at, sharing): (Moment, Sharing),
        asked: &Asked<'_>,
    ) -> Result<Fit, Box<Lack>> {
        let at_stake = self.at_stake();
        match self.meter.room(claim, at_stake, (at.now, at.wall), sharing) {
            Room::In(Duration::ZERO) => Ok(Fit::In(Duration::ZERO)),
            room => self.is_scarce(room, claim, (at, sharing), asked),
        }
    }

    /// There is only so much `room`: whether that will do.
    #[cold]
    fn is_scarce(
        &self,
        room: Room,
        claim: &Claim,
        (at, sharing): (Moment, Sharing),
        asked: &Asked<'_>,
    ) -> Result<Fit, Box<Lack>> {
        if asked.asks_again && self.is_of_share(room, &claim.need, (at.now, sharing)) {
            let ends = match room {
                Room::In(span) | Room::InOrWhenOthersEnd(span) => Ends::In(span),
                _ => Ends::WithOthers,
            };
            let mut lack = self.lack(self.lacking(), ends);
            lack.awaits = Some(Awaits::Gateways);
            return Err(lack);
        }
        let ends = match room {
            Room::In(span) | Room::InOrWhenOthersEnd(span)
                if span <= asked.patience && !self.shadow =>
            {
                return Ok(Fit::In(span));
            }
            Room::In(span) => Ends::In(span),
            Room::InOrWhenOthersEnd(_) | Room::WhenOthersEnd => Ends::WithOthers,
            Room::Never => Ends::Never,
            Room::From(moment) => Ends::In(moment.since(at.wall)),
        };
        if self.shadow {
            Ok(Fit::Shadowed(self.lacking()))
        } else if self.is_soft() {
            Ok(Fit::In(Duration::ZERO))
        } else {
            let mut lack = self.lack(self.lacking(), ends);
            lack.short = self.meter.short(claim, at.now, sharing);
            if ends == Ends::WithOthers && matches!(self.meter, Meter::Budget(_)) {
                lack.awaits = Some(Awaits::Requests);
            }
            Err(lack)
        }
    }
}
