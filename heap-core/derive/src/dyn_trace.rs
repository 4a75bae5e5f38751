//! `dyn_trace!`: has the compiler check a `dyn` type, and says that it was checked.
//!
//! The compiler implements a supertrait for every `dyn` type by itself, and never asks whether the type makes sense: why
//! that matters is told where `heap_core::Content` is declared. The macro writes the impl of `Content`, which is the
//! statement, and a function that compiles only if the statement is true. As in the derive, nothing is believed that is
//! reached by a path, except what the real trait vouches for.

use crate::expand::{asks_for_trace, may_change};
use crate::words::macro_call;
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{
    Error, GenericParam, Generics, Lifetime, Result, Token, Type, TypeParam, TypeParamBound, TypeTraitObject,
    WherePredicate, parse_quote,
};

/// `crate path ; <'gc, T> dyn Trait<'gc, T> + 'gc where T: Bound`.
struct Input {
    krate: TokenStream,
    generics: Generics,
    brand: Lifetime,
    object: TypeTraitObject,
}

const USAGE: &str = "expected `<'gc> dyn Trait<'gc> + 'gc`, the brand first among the parameters";

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut krate = TokenStream::new();
        while !input.peek(Token![;]) {
            krate.extend([input.parse::<proc_macro2::TokenTree>()?]);
        }
        input.parse::<Token![;]>()?;
        if !input.peek(Token![<]) {
            return Err(input.error(USAGE));
        }
        let mut generics: Generics = input.parse()?;
        let Some(GenericParam::Lifetime(brand)) = generics.params.first() else {
            return Err(Error::new(generics.span(), USAGE));
        };
        let brand = brand.lifetime.clone();
        let object = match input.parse()? {
            Type::TraitObject(object) if object.dyn_token.is_some() => object,
            other => return Err(Error::new(other.span(), USAGE)),
        };
        generics.where_clause = input.parse()?;
        input.parse::<Option<Token![;]>>()?;
        Ok(Input { krate, generics, brand, object })
    }
}

/// The code of `dyn_trace!`.
pub(crate) fn dyn_trace(input: TokenStream) -> Result<TokenStream> {
    let Input { krate, mut generics, brand, mut object } = syn::parse2(input)?;
    if !object.bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(_))) {
        object.bounds.push(TypeParamBound::Lifetime(brand.clone()));
    }
    let is_simple = generics.params.len() == 1 && generics.where_clause.is_none();
    if let Some(call) =
        macro_call(&generics).or_else(|| macro_call(&generics.where_clause)).or_else(|| macro_call(&object))
    {
        return Err(may_change(call));
    }
    let (conditions, vouched) = parameters_are_covered(&krate, &brand, &generics);
    generics.make_where_clause().predicates.extend(conditions);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let span = Span::call_site().located_at(object.span());
    // SAFETY of the impl: that the type makes sense under the conditions of the impl is what `__assumes_nothing` checks,
    // which has the same conditions and no others, and neither an argument nor a result from which more could be
    // concluded. The constants are the cautious ones.
    let implementation = quote_spanned! {span=>
        #[diagnostic::do_not_recommend]
        unsafe impl #impl_generics #krate::Content<#brand> for #object #where_clause {
            const NEEDS_TRACE: #krate::__private::bool = true;
            const THREAD_BOUND: #krate::__private::bool = true;
            const DEEP: #krate::__private::bool = true;
            fn __checks_are_genuine(_: #krate::__private::Checks) { #vouched }
        }

        // SAFETY: that the object was allocated as such a `dyn` is the caller's promise.
        #[diagnostic::do_not_recommend]
        unsafe impl #impl_generics #krate::Pointee for #object #where_clause {
            unsafe fn from_payload(payload: #krate::__private::NonNull<#krate::__private::u8>)
                -> #krate::__private::NonNull<Self>
            {
                unsafe { #krate::__private::Checks::unsize::<Self>(payload) }
            }
            fn __checks_are_genuine(_: #krate::__private::Checks) { #vouched }
        }

        // SAFETY: `Checks::unsize` asks the description.
        #[diagnostic::do_not_recommend]
        unsafe impl #impl_generics #krate::DynPointee for #object #where_clause {
            fn __checks_are_genuine(_: #krate::__private::Checks) { #vouched }
        }

        fn __assumes_nothing #impl_generics () #where_clause {
            #krate::__private::Checks::makes_sense::<#object>();
        }
    };
    // Nobody relies on this; as in the derive.
    let rebrand = is_simple.then(|| {
        let with = replace_lifetime(object.to_token_stream(), &brand, &Lifetime::new("'__any", Span::call_site()));
        quote_spanned! {span=>
            impl #impl_generics #krate::Rebrand<#brand> for #object #where_clause {
                type With<'__any> = #with;
            }
        }
    });
    Ok(quote! {
        #[allow(dead_code, single_use_lifetimes)]
        const _: () = { #implementation #rebrand };
    })
}

/// `code` with one lifetime in place of another. At token level: a lifetime is an apostrophe and a word.
fn replace_lifetime(code: TokenStream, from: &Lifetime, to: &Lifetime) -> TokenStream {
    let mut after_apostrophe = false;
    let replace = |token| {
        let name_of_lifetime = after_apostrophe;
        after_apostrophe = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        match token {
            TokenTree::Ident(name) if name_of_lifetime && name == from.ident => to.ident.clone().into(),
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), replace_lifetime(group.stream(), from, to));
                replaced.set_span(group.span());
                replaced.into()
            }
            other => other,
        }
    };
    code.into_iter().map(replace).collect()
}

/// What is demanded of each type parameter: that it is `Trace`, if the macro's input says so, or else that it outlives
/// `'static` (rule 7 of `Trace`). And calls that compile only if `Content` is the real one.
fn parameters_are_covered(
    krate: &TokenStream,
    brand: &Lifetime,
    generics: &Generics,
) -> (Vec<WherePredicate>, TokenStream) {
    let mut vouched = TokenStream::new();
    let clauses = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let inline = generics.type_params().map(|parameter| {
        let TypeParam { ident, bounds, .. } = parameter;
        parse_quote!(#ident: #bounds)
    });
    let conditions: Vec<WherePredicate> = clauses.cloned().chain(inline).collect();
    let covered = generics.type_params().map(|parameter| {
        let name = &parameter.ident;
        if asks_for_trace(&conditions, name) {
            vouched.extend(quote!(#krate::__private::Checks::is_content::<#brand, #name>();));
            parse_quote!(#name: #krate::Content<#brand> + #brand)
        } else {
            parse_quote!(#name: 'static)
        }
    });
    (covered.collect(), vouched)
}

#[cfg(test)]
mod tests {
    use super::dyn_trace;
    use proc_macro2::TokenStream;
    use quote::quote;

    fn text(tokens: TokenStream) -> String {
        tokens.to_string().replace(' ', "")
    }

    fn expansion(input: TokenStream) -> String {
        text(dyn_trace(input).expect("the input is accepted"))
    }

    #[test]
    fn check_and_impls_have_the_same_conditions() {
        let code = expansion(quote!(::heap_core; <'gc, T: Trace<'gc>, U> dyn Shape<'gc, T> + 'gc where U: Copy));
        let conditions = text(quote!(where U: Copy, T: ::heap_core::Content<'gc> + 'gc, U: 'static));
        assert_eq!(code.matches(&conditions).count(), 4, "{code}");
        let generics = text(quote!(<'gc, T: Trace<'gc>, U>));
        assert!(
            code.contains(&format!("unsafeimpl{generics}::heap_core::Content<'gc>fordynShape<'gc,T>+'gc")),
            "{code}"
        );
        assert!(code.contains(&format!("fn__assumes_nothing{generics}()")), "{code}");
        assert!(code.contains("makes_sense::<dynShape<'gc,T>+'gc>()"), "{code}");
    }

    #[test]
    fn the_brand_is_the_bound_that_is_not_written() {
        assert!(expansion(quote!(c; <'a> dyn Shape<'a>)).contains("fordynShape<'a>+'a"));
        assert!(expansion(quote!(c; <'a> dyn Shape<'a> + Send + 'static;)).contains("fordynShape<'a>+Send+'static"));
    }

    #[test]
    fn misuse_is_explained() {
        for wrong in [quote!(c; dyn Shape<'gc>), quote!(c; <T> dyn Shape<T>), quote!(c; <'gc> Box<dyn Shape<'gc>>)] {
            assert!(dyn_trace(wrong).expect_err("refused").to_string().contains("<'gc> dyn Trait<'gc> + 'gc"));
        }
    }
}
