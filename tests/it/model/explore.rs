//! Every state that can be reached, breadth first, and the shortest way to a bad one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// How many different states there are.
    pub states: usize,
    /// The events that lead to the first bad state, and what is bad about it.
    pub broken: Option<(Vec<String>, String)>,
}

impl Explored {
    #[track_caller]
    pub fn assert_sound(&self) {
        assert!(
            self.broken.is_none(),
            "after {} states: {:#?}",
            self.states,
            self.broken
        );
    }

    /// That this is bad in this way.
    #[track_caller]
    pub fn assert_broken(&self, how: &str) {
        let (path, found) = self.broken.as_ref().expect("a way to break the rule");
        eprintln!("{} states: {found}: {path:#?}", self.states);
        assert!(found.contains(how), "{found}: {path:#?}");
    }
}

/// Goes through all states. `next` gives what can happen in a state; `judge` says what is bad about
/// one, where it is told whether anything can still happen.
pub fn explore<S, E>(
    start: S,
    next: impl Fn(&S) -> Vec<(E, S)>,
    judge: impl Fn(&S, bool) -> Result<(), String>,
) -> Explored
where
    S: Copy + Eq + Hash + Debug,
    E: Debug,
{
    let mut found: HashMap<S, usize> = HashMap::from([(start, 0)]);
    let mut states: Vec<(S, usize, Option<E>)> = vec![(start, 0, None)];
    let mut at = 0;
    while at < states.len() {
        let state = states[at].0;
        let steps = next(&state);
        if let Err(bad) = judge(&state, !steps.is_empty()) {
            let path = path_to(&states, at);
            return Explored {
                states: states.len(),
                broken: Some((path, format!("{bad}: {state:?}"))),
            };
        }
        for (event, state) in steps {
            found.entry(state).or_insert_with(|| {
                states.push((state, at, Some(event)));
                states.len() - 1
            });
        }
        at += 1;
    }
    Explored {
        states: states.len(),
        broken: None,
    }
}

fn path_to<S, E: Debug>(states: &[(S, usize, Option<E>)], mut at: usize) -> Vec<String> {
    let mut path = Vec::new();
    while let (_, before, Some(event)) = &states[at] {
        path.push(format!("{event:?}"));
        at = *before;
    }
    path.reverse();
    path
}

/// Three steps to the right at most, or two to the left.
#[test]
fn the_shortest_way_is_found() {
    let next = |at: &i32| {
        if at.abs() < 3 {
            vec![("right", at + 1), ("left", at - 1)]
        } else {
            Vec::new()
        }
    };
    let explored = explore(0, next, |at, _| {
        if *at == -2 {
            Err("left of it".to_owned())
        } else {
            Ok(())
        }
    });
    assert_eq!(
        explored.broken.as_ref().unwrap().0,
        [r#""left""#, r#""left""#]
    );
    explored.assert_broken("left of it: -2");
    let explored = explore(0, next, |at, goes_on| {
        if at.abs() < 3 || !goes_on {
            Ok(())
        } else {
            Err(String::new())
        }
    });
    assert_eq!(explored.states, 7);
    explored.assert_sound();
}
