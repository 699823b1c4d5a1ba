//! One attribute of one object over its observations: the state machine behind `modified` and `firstObserved` rows.

use crate::model::{Certainty, Reason};

/// What one observation says of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A collected value; its meaning, empty for empty values.
    Value(String),
    /// Asked for by name and absent.
    AbsentThoughAsked,
    /// Absent in a format that drops nulls.
    Dropped,
}

/// An observation of an attribute.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    /// Position of its entry among the object's entries.
    pub(super) entry: usize,
    /// Position of its capture.
    pub(super) capture: usize,
    pub(super) said: Said,
}

/// What the observations amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// The value changed between two collected observations.
    Changed { old: Vec<usize>, new: Vec<usize>, certainty: Certainty, reason: Option<Reason> },
    /// It has no value any more in a format that drops nulls.
    PossiblyCleared { old: Vec<usize>, new: usize },
    /// A value where a format that drops nulls had none.
    Appeared { old: usize, new: usize },
    /// Captures that cannot be told apart in time disagree.
    Disagreed { among: Vec<usize> },
}

/// A state that overlapping captures may disagree on.
#[derive(Debug, Clone, Default)]
struct State {
    /// (meaning, observations with it)
    values: Vec<(String, Vec<usize>)>,
    asked: bool,
}

/// Follows the observations, given in order; `before(a, b)` tells whether capture a is known to lie before capture b. The
/// positions in the turns are positions in `observations`.
pub(super) fn follow(
    observations: &[Observation],
    before: &dyn Fn(usize, usize) -> bool,
) -> Vec<Turn> {
    let mut turns = Vec::new();
    let mut state: Option<State> = None;
    let mut dropped: Option<usize> = None;
    let capture = |place: &usize| observations.get(*place).map_or(usize::MAX, |o| o.capture);
    for cluster in clusters(0..observations.len(), capture, before) {
        let found = gather(observations, &cluster);
        let silent = cluster
            .iter()
            .copied()
            .find(|place| observations.get(*place).is_some_and(|o| o.said == Said::Dropped));
        let Some(found) = found else {
            if let (Some(held), Some(place)) = (&state, silent)
                && dropped.is_none()
                && held.values.iter().any(|(meaning, _)| !meaning.is_empty())
            {
                turns.push(Turn::PossiblyCleared { old: held.places(), new: place });
            }
            dropped = dropped.or(silent);
            continue;
        };
        if found.values.len() > 1 {
            turns.push(Turn::Disagreed { among: found.places() });
        }
        match &mut state {
            None => {
                let value = found.values.iter().any(|(meaning, _)| !meaning.is_empty());
                if let (Some(old), true) = (dropped, value) {
                    turns.push(Turn::Appeared { old, new: found.first() });
                }
                state = Some(found);
            }
            Some(held) => {
                if let Some(turn) = held.meet(found) {
                    turns.push(turn);
                }
            }
        }
        dropped = None;
    }
    turns
}

/// Runs of observations, given in order, that cannot be told apart in time: each overlaps another one of its run.
pub(super) fn clusters<T>(
    observations: impl IntoIterator<Item = T>,
    capture: impl Fn(&T) -> usize,
    before: &dyn Fn(usize, usize) -> bool,
) -> Vec<Vec<T>> {
    let mut clusters: Vec<Vec<T>> = Vec::new();
    for observation in observations {
        let joins = clusters.last().is_some_and(|cluster| {
            cluster.iter().any(|earlier| !before(capture(earlier), capture(&observation)))
        });
        match clusters.last_mut() {
            Some(cluster) if joins => cluster.push(observation),
            _ => clusters.push(vec![observation]),
        }
    }
    clusters
}

fn gather(observations: &[Observation], cluster: &[usize]) -> Option<State> {
    let mut state = State::default();
    for place in cluster {
        let meaning = match &observations.get(*place)?.said {
            Said::Value(meaning) => meaning.clone(),
            Said::AbsentThoughAsked => {
                state.asked = true;
                String::new()
            }
            Said::Dropped => continue,
        };
        match state.values.iter_mut().find(|(known, _)| *known == meaning) {
            Some((_, places)) => places.push(*place),
            None => state.values.push((meaning, vec![*place])),
        }
    }
    (!state.values.is_empty()).then_some(state)
}

impl State {
    fn places(&self) -> Vec<usize> {
        self.values.iter().flat_map(|(_, places)| places.iter().copied()).collect()
    }

    fn first(&self) -> usize {
        self.values.iter().filter_map(|(_, places)| places.first()).min().copied().unwrap_or(0)
    }

    /// Takes in the next state: what both hold survives; only where nothing does, the attribute changed.
    fn meet(&mut self, next: Self) -> Option<Turn> {
        let survives = |meaning: &str| next.values.iter().any(|(known, _)| known == meaning);
        if self.values.iter().any(|(meaning, _)| survives(meaning)) {
            self.values.retain(|(meaning, _)| survives(meaning));
            for (meaning, places) in &mut self.values {
                let again = next.values.iter().filter(|(known, _)| known == meaning);
                places.extend(again.flat_map(|(_, places)| places));
            }
            return None;
        }
        let conflict = self.values.len() > 1 || next.values.len() > 1;
        let (certainty, reason) = if conflict {
            (Certainty::Consistent, Some(Reason::Conflict))
        } else if next.asked {
            (Certainty::Consistent, Some(Reason::AbsentThoughAsked))
        } else {
            (Certainty::Proven, None)
        };
        let turn = Turn::Changed { old: self.places(), new: next.places(), certainty, reason };
        *self = next;
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(capture: usize, meaning: &str) -> Observation {
        Observation { entry: capture, capture, said: Said::Value(meaning.to_owned()) }
    }

    fn dropped(capture: usize) -> Observation {
        Observation { entry: capture, capture, said: Said::Dropped }
    }

    /// Captures in the same ten overlap.
    fn tens(a: usize, b: usize) -> bool {
        a / 10 < b / 10
    }

    #[test]
    fn a_b_a_is_two_changes() {
        let turns = follow(&[value(10, "a"), value(20, "b"), value(30, "a")], &tens);
        assert_eq!(turns.len(), 2);
        assert!(matches!(&turns[0], Turn::Changed { certainty: Certainty::Proven, .. }));
    }

    #[test]
    fn the_old_state_lasts_until_it_was_last_seen() {
        let turns = follow(&[value(10, "a"), value(20, "a"), value(30, "b")], &tens);
        let [Turn::Changed { old, new, .. }] = &turns[..] else { panic!("{turns:?}") };
        assert_eq!((old.as_slice(), new.as_slice()), ([0, 1].as_slice(), [2].as_slice()));
    }

    #[test]
    fn a_conflict_changes_nothing_while_an_old_value_survives() {
        let conflict = [value(10, "a"), value(20, "a"), value(21, "b"), value(30, "a")];
        assert_eq!(follow(&conflict, &tens), [Turn::Disagreed { among: vec![1, 2] }]);
        let then_b = [value(10, "a"), value(20, "a"), value(21, "b"), value(30, "b")];
        assert!(matches!(follow(&then_b, &tens)[1], Turn::Changed { .. }));
        let from_conflict = [value(10, "a"), value(11, "b"), value(20, "c")];
        let turns = follow(&from_conflict, &tens);
        assert!(matches!(&turns[1], Turn::Changed { reason: Some(Reason::Conflict), .. }));
    }

    #[test]
    fn dropped_is_possibly_cleared_once_and_forgotten_when_it_comes_back() {
        let turns = follow(&[value(10, "a"), dropped(20), dropped(30), value(40, "a")], &tens);
        assert_eq!(turns, [Turn::PossiblyCleared { old: vec![0], new: 1 }]);
        let turns = follow(&[dropped(10), value(20, "a")], &tens);
        assert_eq!(turns, [Turn::Appeared { old: 0, new: 1 }]);
    }
}
