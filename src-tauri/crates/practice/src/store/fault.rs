//! Faults on purpose: what goes wrong, for which requests, how often.

use http::{Method, StatusCode};

use crate::workspace::Dice;

/// One rule; the first rule that strikes a request wins.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreFault {
    /// Which requests it is about.
    pub matches: RequestMatch,
    /// Which of those it strikes.
    pub when: When,
    /// What happens to them.
    pub what: What,
}

/// Which requests a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMatch {
    /// Absent means any.
    pub method: Option<Method>,
    /// The object's key, or the prefix that a listing asks for.
    pub key: KeyMatch,
}

impl RequestMatch {
    /// Every request.
    #[must_use]
    pub const fn any() -> Self {
        Self { method: None, key: KeyMatch::Any }
    }

    /// Downloads (`GET`) of keys that match.
    #[must_use]
    pub const fn get(key: KeyMatch) -> Self {
        Self { method: Some(Method::GET), key }
    }

    fn fits(&self, method: &Method, key: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && match &self.key {
                KeyMatch::Any => true,
                KeyMatch::Is(wanted) => key == wanted,
                KeyMatch::StartsWith(start) => key.starts_with(start),
                KeyMatch::Contains(part) => key.contains(part),
            }
    }
}

/// A pattern for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMatch {
    /// All keys, and requests without one.
    Any,
    /// This key.
    Is(String),
    /// Keys with this beginning.
    StartsWith(String),
    /// Keys with this in them.
    Contains(String),
}

/// Which of the matching requests a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// The first so many.
    First(u64),
    /// Only this one, counted from 1.
    Nth(u64),
    /// Each so-manieth: 3 strikes the 3rd, 6th, 9th …; 0 none.
    Every(u64),
    /// Each with this probability, 0 to 1; the same seed strikes the same ones.
    Chance {
        /// Probability.
        of: f64,
        /// Seed.
        seed: u64,
    },
}

/// What happens to a request that a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An error with this status instead of an answer; nothing is read or written.
    Status(StatusCode),
    /// `404 NoSuchKey`.
    Missing,
    /// No answer at all, for ever.
    Silence,
    /// The connection is reset before the answer.
    Reset,
    /// The connection is reset after at most so many bytes of the body.
    ResetAfter(u64),
    /// The connection ends in order, but after so many bytes of the body.
    Truncate(u64),
    /// So many bytes of the body, then none for ever.
    Stall(u64),
    /// All bits of the byte at this offset in the object are inverted.
    FlipByte(u64),
}

/// The rules with their counts.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    fault: StoreFault,
    seen: u64,
    struck: u64,
    dice: Dice,
}

impl Faults {
    pub fn new(faults: Vec<StoreFault>) -> Self {
        let rule = |fault: StoreFault| {
            let dice = Dice::new(match fault.when {
                When::Chance { seed, .. } => seed,
                _ => 0,
            });
            Rule { fault, seen: 0, struck: 0, dice }
        };
        Self(faults.into_iter().map(rule).collect())
    }

    /// What strikes this request, and which rule.
    pub fn strike(&mut self, method: &Method, key: &str) -> Option<(usize, What)> {
        self.0.iter_mut().enumerate().find_map(|(place, rule)| {
            let fits = rule.fault.matches.fits(method, key);
            (fits && rule.strikes()).then_some((place, rule.fault.what))
        })
    }

    /// How often each rule struck.
    pub fn struck(&self) -> Vec<u64> {
        self.0.iter().map(|rule| rule.struck).collect()
    }
}

impl Rule {
    fn strikes(&mut self) -> bool {
        self.seen += 1;
        let strikes = match self.fault.when {
            When::Always => true,
            When::First(count) => self.seen <= count,
            When::Nth(place) => self.seen == place,
            When::Every(step) => step != 0 && self.seen.is_multiple_of(step),
            When::Chance { of, .. } => self.dice.fraction() < of,
        };
        self.struck += u64::from(strikes);
        strikes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(when: When, of: usize) -> Vec<usize> {
        let fault = StoreFault { matches: RequestMatch::any(), when, what: What::Reset };
        let mut faults = Faults::new(vec![fault]);
        (1..=of).filter(|_| faults.strike(&Method::GET, "a").is_some()).collect()
    }

    #[test]
    fn rules_strike_when_they_say() {
        assert_eq!(struck(When::Always, 3), [1, 2, 3]);
        assert_eq!(struck(When::First(2), 4), [1, 2]);
        assert_eq!(struck(When::Nth(3), 9), [3]);
        assert_eq!(struck(When::Every(3), 9), [3, 6, 9]);
        assert_eq!(struck(When::Every(0), 9), [0; 0]);
        let chance = struck(When::Chance { of: 0.25, seed: 7 }, 10_000);
        assert!((2200..2800).contains(&chance.len()), "{}", chance.len());
        assert_eq!(chance, struck(When::Chance { of: 0.25, seed: 7 }, 10_000));
    }

    #[test]
    fn the_first_rule_that_strikes_wins_and_only_matching_requests_count() {
        let rule = |key, when, what| StoreFault { matches: RequestMatch::get(key), when, what };
        let mut faults = Faults::new(vec![
            rule(KeyMatch::StartsWith("data/".into()), When::Nth(2), What::Missing),
            rule(KeyMatch::Contains("ab".into()), When::Always, What::Reset),
        ]);
        assert_eq!(faults.strike(&Method::PUT, "data/ab"), None);
        assert_eq!(faults.strike(&Method::GET, "keys/x"), None);
        assert_eq!(faults.strike(&Method::GET, "data/ab"), Some((1, What::Reset)));
        assert_eq!(faults.strike(&Method::GET, "data/ab"), Some((0, What::Missing)));
        assert_eq!(faults.struck(), [1, 1]);
    }
}
