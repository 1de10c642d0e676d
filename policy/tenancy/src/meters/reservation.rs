//! What a request is expected to take is taken of all rows that bound it, or of none.
//!
//! Cost: two looks at each row; no allocation where its limits and budgets are for all models.

use std::time::Duration;

use keyweir_terms::amount::Need;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::request::Usage;

use super::fit::Fit;
use super::row::{Row, overspent};
use super::{Ahead, Meters};
use crate::claim::{Claim, output_at_most};
use crate::expected::Model;
use crate::lack::{Awaits, Ends, Lack, Lacking, Overspent};
use crate::left::{AllLeft, Left};
use crate::meter::Meter;
use crate::money::Money;
use crate::prices::Unpriced;
use crate::rate::Rate;
use crate::request::{Asked, Moment, Reserved, Standing};
use crate::taken::Taken;

/// A request fits: now or in a while.
#[derive(Default)]
struct Fits {
    wait: Duration,
    waits_for: Option<Box<Lack>>,
    /// What would refuse it, were that not only counted.
    shadowed: Option<Lacking>,
}

/// Whether a request asks, or somebody wants to know what would become of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    InEarnest,
    ToKnow,
}

impl Meters {
    /// Reserves what a request is expected to take. `None`: nothing bounds it.
    ///
    /// # Errors
    /// If it does not fit; nothing is reserved then.
    pub fn reserve(
        &mut self,
        at: Moment,
        asked: &Asked<'_>,
    ) -> Result<Option<Reserved>, Box<Lack>> {
        let bounds = self.of_tenant.get(asked.tenant);
        let Some(bounds) = bounds.filter(|bounds| !bounds.rows.is_empty()) else {
            return Ok(None);
        };
        let of_money = bounds.of_money;
        let rows = bounds.holding(asked.model, &self.rows);
        let model = self.expected.model(asked.model);
        let need = self.expected.need(asked.tenant, &model, asked.size);
        let fits = self.taken_for(&rows, asked, (&model, &need), of_money);
        let fits = fits.and_then(|claim| {
            let fits = self.fit(at, &rows, (&claim, Asks::InEarnest), asked);
            fits.map(|fits| (claim, fits))
        });
        let (claim, fits) = match fits {
            Ok(fits) => fits,
            Err(lack) => return Err(self.complete(at, &rows, lack)),
        };
        let (left, overspent) = self.take(at, &rows, &claim);
        Ok(Some(Reserved {
            rows,
            policy: self.rows.policies(),
            claim,
            tenant: asked.tenant,
            model,
            size: *asked.size,
            wait: fits.wait,
            waits_for: fits.waits_for,
            left,
            overspent,
            shadowed: fits.shadowed,
        }))
    }

    /// What a request holds, it holds from now on of what bounds `model` of `provider`, where it is rerouted.
    ///
    /// # Errors
    /// If that does not fit at once; it goes on holding what it held.
    pub fn reroute(
        &mut self,
        at: Moment,
        reserved: &mut Reserved,
        (provider, model): (ProviderId, &str),
    ) -> Result<(), Box<Lack>> {
        // The same elsewhere: what it holds it need not ask for again, whatever others owe by now.
        if self.expected.is_of(&reserved.model, model) {
            return Ok(());
        }
        self.give_back(at, reserved, &Taken::default());
        let size = reserved.size;
        let asked = Asked {
            tenant: reserved.tenant,
            provider,
            model,
            size: &size,
            patience: Duration::ZERO,
            asks_again: false,
            awaits_ledger: false,
        };
        match self.reserve(at, &asked) {
            Ok(Some(next)) => {
                *reserved = next;
                Ok(())
            }
            other => {
                let _: (AllLeft, _) = self.take(at, &reserved.rows, &reserved.claim);
                other.map(drop)
            }
        }
    }

    /// Whether `reserved`, for a request for `model` that waits for its turn, stands in the policy as it is
    /// now.
    pub fn standing(&self, reserved: &Reserved, model: &str) -> Standing {
        let Some(bounds) = self.of_tenant.get(reserved.tenant) else {
            return Standing::TenantGone;
        };
        let rows = bounds.holding(model, &self.rows);
        let is_as_before = |place: &u32| {
            let row = self.rows.get(*place);
            row.is_some_and(|row| row.changed_by <= reserved.policy)
        };
        let is_held = |place: &u32| reserved.rows.contains(place) && is_as_before(place);
        // In another order they are the same.
        if rows.len() == reserved.rows.len() && rows.iter().all(is_held) {
            Standing::Holds
        } else {
            Standing::Changed
        }
    }

    /// Whether `tenant` is one of the policy's.
    pub fn has(&self, tenant: TenantId) -> bool {
        self.of_tenant.get(tenant).is_some()
    }

    /// Gives back what was reserved for a request of which nothing was sent.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "given back, so that it cannot be settled twice"
    )]
    pub fn give_back_unused(&mut self, at: Moment, reserved: Reserved) {
        self.give_back(at, &reserved, &Taken::default());
    }

    /// Why a request would be refused, were it to ask now; `None`: it would not. Takes nothing.
    pub fn would_refuse(&mut self, at: Moment, asked: &Asked<'_>) -> Option<Box<Lack>> {
        let bounds = self.of_tenant.get(asked.tenant)?;
        let of_money = bounds.of_money;
        let rows = bounds.holding(asked.model, &self.rows);
        let model = self.expected.model(asked.model);
        let need = self.expected.need(asked.tenant, &model, asked.size);
        let claim = self.taken_for(&rows, asked, (&model, &need), of_money);
        claim
            .and_then(|claim| self.fit(at, &rows, (&claim, Asks::ToKnow), asked))
            .err()
    }

    /// `need`, and what it may be at most, with what it costs where that matters.
    fn taken_for(
        &mut self,
        rows: &[u32],
        asked: &Asked<'_>,
        (model, need): (&Model, &Need),
        of_money: bool,
    ) -> Result<Claim, Box<Lack>> {
        let longest = self.expected.longest(model);
        let most = Need {
            output: output_at_most(need.output, asked.size.output_max, longest),
            ..*need
        };
        let mut claim = Claim::new(
            Taken::of_request(need, Money::ZERO),
            Taken::of_request(&most, Money::ZERO),
            asked.size.output_max.is_some(),
        );
        if !of_money {
            return Ok(claim);
        }
        let refuses = self.prices.unpriced() == Unpriced::Refuse;
        let price = self.prices.find(asked.provider, asked.model).price;
        if let Some(price) = price {
            // Whoever asks for a cheaper tier may get the usual one.
            let of = (asked.tenant, model);
            let usage = self.expected.usage(of, asked.size, need);
            claim.need.money = price.cost(&usage);
            let usage = Usage {
                output: Some(most.output),
                ..usage
            };
            claim.most.money = price.cost(&usage);
            return Ok(claim);
        }
        let mut rows = rows.iter().filter_map(|row| self.rows.get(*row));
        match rows.find(|row| !row.shadow && !row.is_soft() && row.is_of_money()) {
            Some(row) if refuses => {
                let mut lack = row.lack(Lacking::Price, Ends::Never);
                lack.models = Some(asked.model.to_owned()).filter(|model| !model.is_empty());
                Err(lack)
            }
            _ => Ok(claim),
        }
    }

    /// How long a request has to wait until all of `rows` have room for it. All are told that it asks, also
    /// where one refuses.
    fn fit(
        &mut self,
        at: Moment,
        rows: &[u32],
        (claim, asks): (&Claim, Asks),
        asked: &Asked<'_>,
    ) -> Result<Fits, Box<Lack>> {
        let (mut all, mut lack) = (Fits::default(), None);
        for place in rows {
            let Some(row) = self.rows.get_mut(*place) else {
                continue;
            };
            if asks == Asks::InEarnest {
                row.asked(row.meter.amount(&claim.need), at.now);
            }
            if lack.is_none() {
                match row.fits(claim, (at, self.sharing), asked) {
                    Ok(Fit::In(span)) if span > all.wait => {
                        all.wait = span;
                        all.waits_for = Some(row.lack(row.lacking(), Ends::In(span)));
                    }
                    Ok(Fit::In(_)) => {}
                    Ok(Fit::Shadowed(lacking)) => all.shadowed = Some(lacking),
                    Err(found) => lack = Some(found),
                }
            }
        }
        let lack = lack.or_else(|| match asked.awaits_ledger && asks == Asks::InEarnest {
            true => self.unwritten(rows, claim),
            false => None,
        });
        match lack {
            None => Ok(all),
            Some(lack) => Err(lack),
        }
    }

    /// What lacks because it is not written down yet, if anything of `rows`. All that do are told.
    fn unwritten(&mut self, rows: &[u32], claim: &Claim) -> Option<Box<Lack>> {
        if self.ahead != Ahead::Written {
            return None;
        }
        let mut lack = None;
        for place in rows {
            if let Some(row) = self.rows.get_mut(*place)
                && !row.shadow
                && !row.is_soft()
                && let Meter::Budget(spending) = &mut row.meter
                && !spending.is_written(claim.need.of_budget(spending.amount))
            {
                let mut found = row.lack(row.lacking(), Ends::WithOthers);
                found.awaits = Some(Awaits::Ledger);
                lack = Some(found);
                self.is_due = true;
            }
        }
        lack
    }

    /// Takes what is claimed of all of `rows`. What is left of them, and a budget among them that
    /// warns.
    fn take(
        &mut self,
        at: Moment,
        rows: &[u32],
        claim: &Claim,
    ) -> (AllLeft, Option<Box<Overspent>>) {
        let (mut left, mut over) = (AllLeft::default(), None);
        for place in rows {
            let Some(row) = self.rows.get_mut(*place) else {
                continue;
            };
            row.meter.take(&claim.need, at.now, self.sharing);
            row.opened(claim);
            self.is_due |= row.is_due();
            row.tell_left(at, &mut left);
            if let Meter::Budget(spending) = &row.meter
                && spending.warns_of(spending.counted(self.sharing))
            {
                over = Some(Box::new(overspent(&row.owner, spending, self.sharing)));
            }
        }
        (left, over)
    }

    /// Tells whoever lacks something what is left of everything.
    #[cold]
    fn complete(&self, at: Moment, rows: &[u32], mut lack: Box<Lack>) -> Box<Lack> {
        for row in rows.iter().filter_map(|row| self.rows.get(*row)) {
            row.tell_left(at, &mut lack.left);
        }
        if !self.sharing.is_heard {
            lack.replicas = self.sharing.replicas;
        }
        lack
    }
}

impl Row {
    fn tell_left(&self, at: Moment, left: &mut AllLeft) {
        if let Meter::Rate(Rate {
            dimension, bucket, ..
        }) = &self.meter
            && !self.shadow
        {
            let remaining = bucket.remaining(at.now);
            if left.is_scarcer(*dimension, bucket.limit(), remaining) {
                let of_bucket = Left {
                    limit: bucket.limit(),
                    remaining,
                    reset: bucket.until_full(at.now),
                };
                left.tell(*dimension, of_bucket);
            }
        }
    }
}
