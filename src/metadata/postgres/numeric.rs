//! PostgreSQL's `numeric` in the binary format.

use std::fmt::Write as _;

/// A number in the binary format: how many digits to the base of 10,000, the power of the first one, sign, decimal
/// places, the digits. `None` if the bytes are nothing of that kind.
pub(super) fn numeric(bytes: &[u8]) -> Option<String> {
    let words: Vec<u16> =
        bytes.chunks(2).map(|pair| pair.try_into().map(u16::from_be_bytes)).collect::<Result<_, _>>().ok()?;
    let [count, weight, sign, places, digits @ ..] = words.as_slice() else {
        return None;
    };
    let sign = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    if digits.len() != usize::from(*count) || digits.iter().any(|&digit| digit > 9999) {
        return None;
    }
    let (weight, places) = (i32::from(weight.cast_signed()), usize::from(*places));
    let whole = decimal(digits, weight, (0..=weight.max(0)).rev());
    let whole = whole.trim_start_matches('0');
    let mut number = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
    if places > 0 {
        let groups = i32::try_from(places.div_ceil(4)).ok()?;
        let fraction = decimal(digits, weight, (-groups..0).rev());
        write!(number, ".{}", fraction.get(..places)?).ok()?;
    }
    Some(number)
}

/// The digits that stand for some powers of 10,000, four decimal places each; those left out are zero.
fn decimal(digits: &[u16], weight: i32, powers: impl Iterator<Item = i32>) -> String {
    powers.fold(String::new(), |text, power| {
        let digit = usize::try_from(weight - power).ok().and_then(|index| digits.get(index)).unwrap_or(&0);
        text + &format!("{digit:04}")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::numeric;

    fn encode(weight: i16, sign: u16, places: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let head = [count, weight.cast_unsigned(), sign, places];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numbers_are_written_as_the_server_writes_them() {
        let cases = [
            (encode(0, 0, 0, &[]), "0"),
            (encode(0, 0, 2, &[]), "0.00"),
            (encode(0, 0, 0, &[42]), "42"),
            (encode(1, 0, 0, &[1]), "10000"),
            (encode(1, 0x4000, 2, &[12, 3456, 7000]), "-123456.70"),
            (encode(-1, 0, 4, &[5]), "0.0005"),
            (encode(-2, 0, 6, &[1200]), "0.000012"),
            (encode(0, 0xC000, 0, &[]), "NaN"),
        ];
        for (bytes, want) in cases {
            assert_eq!(numeric(&bytes).as_deref(), Some(want));
        }
    }

    #[test]
    fn bytes_that_are_no_number_are_recognised() {
        let cases = [vec![], vec![0, 1], vec![0; 7], encode(0, 0, 0, &[10_000]), encode(0, 1, 0, &[1])];
        for bytes in cases {
            assert_eq!(numeric(&bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_come_back(number: u64) {
            let mut digits = Vec::new();
            let mut rest = number;
            while rest > 0 {
                digits.insert(0, u16::try_from(rest % 10_000).unwrap());
                rest /= 10_000;
            }
            let weight = i16::try_from(digits.len()).unwrap() - 1;
            prop_assert_eq!(numeric(&encode(weight, 0, 0, &digits)), Some(number.to_string()));
        }

        #[test]
        fn strange_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = numeric(&bytes);
        }
    }
}
