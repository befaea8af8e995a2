//! Numbers in a message.

/// Whether a text names this number: as a whole, for a port may have the same digits.
pub fn names_number(text: &str, number: i64) -> bool {
    let number = number.to_string();
    text.split(|digit: char| !digit.is_ascii_digit())
        .any(|other| other == number)
}
