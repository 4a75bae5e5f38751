//! `__unelide_lifetimes!`: gives every elided lifetime of a type a name.
//!
//! A family of types such as "`Node<'gc>` for every `'gc`" is pleasant to write as `Node<'_>`, but an associated type
//! may not elide lifetimes. This rewrites the one into the other.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Lifetime, ParenthesizedGenericArguments, Token, Type, TypeBareFn, TypeReference};

/// The input of the macro: a lifetime, a semicolon, a type.
struct Family {
    brand: Lifetime,
    ty: Type,
}

impl Parse for Family {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let brand = input.parse()?;
        input.parse::<Token![;]>()?;
        let ty = input.parse()?;
        Ok(Family { brand, ty })
    }
}

/// Expands `'gc; Type`.
pub(crate) fn unelide_lifetimes(input: TokenStream) -> syn::Result<TokenStream> {
    let Family { brand, mut ty } = syn::parse2(input)?;
    Unelide { brand }.visit_type_mut(&mut ty);
    Ok(ty.into_token_stream())
}

struct Unelide {
    brand: Lifetime,
}

impl Unelide {
    /// The brand, resolved where the caller wrote it (its name may be private to a macro) but shown at `location`.
    fn at(&self, location: Span) -> Lifetime {
        let mut lifetime = self.brand.clone();
        lifetime.set_span(self.brand.ident.span().located_at(location));
        lifetime
    }
}

impl VisitMut for Unelide {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.at(lifetime.ident.span());
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(self.at(reference.and_token.span));
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    /// In `fn(&T) -> &T` the elided lifetimes are parameters of the function.
    fn visit_type_bare_fn_mut(&mut self, _: &mut TypeBareFn) {}

    /// The same for `Fn(&T) -> &T`.
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}

    /// Array lengths and const arguments are code of their own, where `'_` is inferred.
    fn visit_expr_mut(&mut self, _: &mut Expr) {}
}

#[cfg(test)]
mod tests {
    use super::unelide_lifetimes;
    use proc_macro2::TokenStream;
    use quote::quote;

    fn check(input: TokenStream, expected: TokenStream) {
        let output = unelide_lifetimes(input).expect("the input is well formed");
        // The printer spaces `> >` by where the tokens come from.
        let text = |tokens: TokenStream| tokens.to_string().replace(' ', "");
        assert_eq!(text(output), text(expected));
    }

    #[test]
    fn names_every_underscore() {
        check(quote!('gc; Gc<'_, Node<'_>>), quote!(Gc<'gc, Node<'gc>>));
        check(quote!('a; (Gc<'_, u8>, [Gc<'_, u8>; 2])), quote!((Gc<'a, u8>, [Gc<'a, u8>; 2])));
    }

    #[test]
    fn names_elided_references() {
        check(quote!('gc; &[&mut Gc<'_, T>]), quote!(&'gc [&'gc mut Gc<'gc, T>]));
    }

    #[test]
    fn names_the_bound_of_a_trait_object() {
        check(quote!('gc; Box<dyn Shape<'_> + '_>), quote!(Box<dyn Shape<'gc> + 'gc>));
    }

    #[test]
    fn keeps_named_lifetimes() {
        check(quote!('gc; Pair<'static, 'a, '_>), quote!(Pair<'static, 'a, 'gc>));
    }

    #[test]
    fn keeps_the_lifetimes_of_function_signatures() {
        check(quote!('gc; Gc<'_, fn(&u8, Gc<'_, u8>) -> &u8>), quote!(Gc<'gc, fn(&u8, Gc<'_, u8>) -> &u8>));
        check(quote!('gc; Gc<'_, dyn Fn(&u8) -> &u8>), quote!(Gc<'gc, dyn Fn(&u8) -> &u8>));
        check(
            quote!('gc; Gc<'_, dyn for<'a> Fn(&'a u8) -> &'a u8 + '_>),
            quote!(Gc<'gc, dyn for<'a> Fn(&'a u8) -> &'a u8 + 'gc>),
        );
        check(quote!('gc; dyn for<'a> Visit<'a, '_>), quote!(dyn for<'a> Visit<'a, 'gc>));
    }

    #[test]
    fn keeps_expressions() {
        check(quote!('gc; [&u8; { size_of::<Gc<'_, &u8>>() }]), quote!([&'gc u8; { size_of::<Gc<'_, &u8>>() }]));
    }

    #[test]
    fn refuses_anything_but_a_lifetime_and_a_type() {
        for input in [quote!(Gc<'_, u8>), quote!('gc Gc), quote!('gc;), quote!('gc; u8, u8)] {
            assert!(unelide_lifetimes(input).is_err());
        }
    }
}
