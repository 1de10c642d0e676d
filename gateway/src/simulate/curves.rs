//! A run over time: what came, what was answered, who waited.

use keyweir_simulator::report::{Ending, Journey};
use keyweir_simulator::{Report, Scenario};

/// Points of a curve: as many as can be told apart in a chart of that width.
const POINTS: usize = 80;
/// Averages over less than this are noise.
const STEP_SECS_MIN: f64 = 5.0;

/// What is drawn of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curves {
    /// Seconds from one point to the next.
    pub(super) step_secs: f64,
    /// Requests that came, per second.
    pub(super) demand: Vec<f64>,
    /// Requests that were sent and answered, per second.
    pub(super) answered: Vec<f64>,
    /// Requests that waited, on average.
    pub(super) waiting: Vec<f64>,
    /// Requests of the mean size that the declared limits allow per second; `None`: no bound.
    pub(super) capacity: Option<f64>,
}

impl Curves {
    pub(super) fn of(scenario: &Scenario, report: &Report) -> Self {
        let secs = scenario.duration_secs;
        let points = ((secs / STEP_SECS_MIN) as usize).clamp(1, POINTS);
        let capacity = scenario.capacity_per_sec();
        let mut curves = Self {
            step_secs: secs / points as f64,
            demand: vec![0.0; points],
            answered: vec![0.0; points],
            waiting: vec![0.0; points],
            capacity: capacity.is_finite().then_some(capacity),
        };
        for journey in &report.journeys {
            curves.add(journey);
        }
        curves
    }

    fn add(&mut self, journey: &Journey) {
        let per_step = 1.0 / self.step_secs;
        let step = |at: f64| (at * per_step) as usize;
        let count = |curve: &mut Vec<f64>, at: f64| {
            if let Some(point) = curve.get_mut(step(at)) {
                *point += per_step;
            }
        };
        count(&mut self.demand, journey.arrived);
        let sent = journey.sent.filter(|_| journey.ending == Ending::Answered);
        if let Some(sent) = sent {
            count(&mut self.answered, sent);
        }
        let until = sent.unwrap_or(journey.ended);
        for (point, at) in self
            .waiting
            .iter_mut()
            .zip(0u32..)
            .skip(step(journey.arrived))
        {
            let begin = f64::from(at) * self.step_secs;
            let overlap = until.min(begin + self.step_secs) - journey.arrived.max(begin);
            if overlap <= 0.0 {
                break;
            }
            *point += overlap * per_step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_where_it_came_where_it_was_sent_and_in_between() {
        let scenario = Scenario {
            duration_secs: 20.0,
            ..Scenario::standard(1)
        };
        let report = Report {
            journeys: vec![Journey {
                arrived: 1.0,
                sent: Some(11.0),
                ended: 12.0,
                ending: Ending::Answered,
                ..Journey::default()
            }],
            ..Report::default()
        };
        let curves = Curves::of(&scenario, &report);
        assert_eq!(curves.demand, [0.2, 0.0, 0.0, 0.0]);
        assert_eq!(curves.answered, [0.0, 0.0, 0.2, 0.0]);
        let expected = [0.8, 1.0, 0.2, 0.0];
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(curves.waiting.iter().zip(&expected).all(near), "{curves:?}");
    }
}
