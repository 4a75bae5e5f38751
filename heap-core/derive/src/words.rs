//! Which names occur in a piece of code, at token level.
//!
//! Looking at tokens instead of the syntax tree finds names inside type macros as well, where the tree ends.

use proc_macro2::{Span, TokenStream, TokenTree};
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

/// Where `code` calls a macro, if it does: another one than `Rootable!`, which says the same each time.
pub(crate) fn macro_call(code: impl ToTokens) -> Option<Span> {
    let mut tokens = code.into_token_stream().into_iter().peekable();
    let mut name = None;
    while let Some(token) = tokens.next() {
        name = match token {
            TokenTree::Ident(word) if word == "Rootable" => None,
            TokenTree::Ident(word) => Some(word.span()),
            TokenTree::Punct(punct) if punct.as_char() == '!' && matches!(tokens.peek(), Some(TokenTree::Group(_))) => {
                if name.is_some() {
                    return name;
                }
                None
            }
            TokenTree::Group(group) => {
                if let Some(call) = macro_call(group.stream()) {
                    return Some(call);
                }
                None
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{macro_call, words};
    use quote::quote;

    #[test]
    fn finds_macro_calls() {
        for code in [
            quote!(m!(T)),
            quote!(Vec<a::m![u8]>),
            quote!(
                [u8; {
                    n! {}
                }]
            ),
            quote!((u8, m!())),
        ] {
            assert!(macro_call(&code).is_some(), "{code}");
        }
        for code in
            [quote!(fn(u8) -> !), quote!([u8; { !(N) }]), quote!([u8; (A != (B)) as usize]), quote!(Map<'gc, T>)]
        {
            assert!(macro_call(&code).is_none(), "{code}");
        }
    }

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
