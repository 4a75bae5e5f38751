//! Which names occur in a piece of code, at token level.
//!
//! Looking at tokens instead of the syntax tree finds names inside type macros as well, where the tree ends.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::HashSet;

/// Every identifier in `code` (`T`, `r#type`) and every lifetime, with its apostrophe (`'gc`).
pub(crate) fn words(code: impl ToTokens) -> HashSet<String> {
    let mut found = HashSet::new();
    collect(code.into_token_stream(), &mut found);
    found
}

fn collect(tokens: TokenStream, found: &mut HashSet<String>) {
    let mut after_apostrophe = false;
    for token in tokens {
        let apostrophe = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        match token {
            TokenTree::Ident(name) if after_apostrophe => {
                found.insert(format!("'{name}"));
            }
            TokenTree::Ident(name) => {
                found.insert(name.to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        after_apostrophe = apostrophe;
    }
}

#[cfg(test)]
mod tests {
    use super::words;
    use quote::quote;

    #[test]
    fn tells_lifetimes_from_identifiers() {
        let found = words(quote!(Map<'gc, r#type, [u8; N]>));
        for word in ["Map", "'gc", "r#type", "u8", "N"] {
            assert!(found.contains(word), "{word} is missing from {found:?}");
        }
        assert!(!found.contains("gc"));
    }

    #[test]
    fn looks_inside_macros() {
        assert!(words(quote!(choose!(T => Gc<'gc, T>))).contains("'gc"));
    }
}
