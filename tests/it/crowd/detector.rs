//! Who was inside, in which order, and whether two ever were at once.

/// Reads the notes: each `enter` must be followed by the `leave` of the same one. Gives the order.
pub fn order(notes: &str) -> Result<Vec<String>, String> {
    let mut inside: Option<&str> = None;
    let mut order = Vec::new();
    for (number, line) in notes.lines().enumerate() {
        match (line.split_once(' '), inside) {
            (Some(("enter", name)), None) => {
                order.push(name.to_owned());
                inside = Some(name);
            }
            (Some(("leave", name)), Some(there)) if name == there => inside = None,
            (_, there) => {
                return Err(format!(
                    "line {}: {line:?} while {there:?} is inside:\n{notes}",
                    number + 1
                ));
            }
        }
    }
    match inside {
        Some(name) => Err(format!("{name} never left:\n{notes}")),
        None => Ok(order),
    }
}

#[test]
fn overlaps_are_found() {
    assert_eq!(
        order("enter a\nleave a\nenter b\nleave b\n").unwrap(),
        ["a", "b"]
    );
    assert_eq!(order("").unwrap(), [""; 0]);
    for notes in [
        "enter a\nenter b\nleave a\nleave b",
        "enter a\nleave b",
        "leave a",
        "enter a",
        "enter a\nenter a\nleave a",
        "x",
    ] {
        assert!(order(notes).is_err(), "{notes}");
    }
}
