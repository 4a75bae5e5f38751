//! Names in a column of a table, which has only so much room.

/// The end of a text that is too long, where places differ.
pub(super) fn tail(text: &str, columns: usize) -> String {
    let length = text.chars().count();
    if length <= columns {
        return text.into();
    }
    ['…'].into_iter().chain(text.chars().skip(length + 1 - columns)).collect()
}

/// The name of a type; where it is too long, without the modules that its types are in, and then its beginning.
pub(super) fn fitting(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.into();
    }
    let short = without_modules(text);
    if short.chars().count() <= columns {
        return short;
    }
    short.chars().take(columns - 1).chain(['…']).collect()
}

/// `a::b::C<d::E>` is `C<E>`.
fn without_modules(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    // Where the path begins that is being read.
    let mut begins = 0;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == ':' && characters.peek() == Some(&':') && short.len() > begins {
            characters.next();
            short.truncate(begins);
            continue;
        }
        short.push(character);
        if !(character.is_alphanumeric() || character == '_') {
            begins = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_types_lose_their_modules_first() {
        for (name, columns, expected) in [
            ("a::b::C<d::E>", 13, "a::b::C<d::E>"),
            ("a::b::C<d::E>", 12, "C<E>"),
            ("a::b::C<d::E>", 3, "C<…"),
            ("[a::B<(), &'static c::D, [u8; 3]>]", 30, "[B<(), &'static D, [u8; 3]>]"),
            ("dyn a::B<'_> + 'static", 20, "dyn B<'_> + 'static"),
            ("fn(a::b::C) -> d::e::F", 20, "fn(C) -> F"),
            ("<a::B as c::D>::E", 14, "<B as D>::E"),
            ("größe::Maß<größe::Maß>", 10, "Maß<Maß>"),
        ] {
            assert_eq!(fitting(name, columns), expected);
        }
        assert_eq!(tail("fields.first", 6), "…first");
    }
}
