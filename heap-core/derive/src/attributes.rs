//! The options in `#[trace(...)]`, on a type and on a field.

use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, Lifetime, LitStr, Meta, Path, Result, Token, WherePredicate};

const TYPE_OPTIONS: &str = "a type takes `gc_lifetime = 'gc`, `bound = \"...\"`, `require_static` and `crate = ...`";
const FIELD_OPTIONS: &str = "a field takes `require_static`, `recursive` and `prefix`";

/// The options of the deriving type.
#[derive(Default)]
pub(crate) struct TypeOptions {
    pub(crate) gc_lifetime: Option<Lifetime>,
    pub(crate) bound: Option<Vec<WherePredicate>>,
    /// What the program calls `heap-core`, if not `::heap_core`.
    pub(crate) crate_path: Option<Path>,
    /// The option's own name, for messages about what it excludes.
    pub(crate) require_static: Option<Ident>,
}

impl TypeOptions {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        each_option(attributes, TYPE_OPTIONS, |name, input| {
            match name.to_string().as_str() {
                "gc_lifetime" => options.gc_lifetime = Some(lifetime(name, input)?),
                "bound" => options.bound = Some(predicates(name, input)?),
                "require_static" => options.require_static = Some(name.clone()),
                "crate" => options.crate_path = Some(path(name, input)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if let Some(name) = &options.require_static
            && (options.gc_lifetime.is_some() || options.bound.is_some())
        {
            return Err(Error::new(
                name.span(),
                "a `require_static` type is not traced, so it has no use for `gc_lifetime` or `bound`: remove them",
            ));
        }
        Ok(options)
    }
}

/// How the derive treats one field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum FieldOption {
    /// No option: traced, and asked for its constants.
    #[default]
    Traced,
    /// `require_static`: checked to outlive `'static`, and not traced.
    RequireStatic,
    /// `recursive`: traced, but not asked for its constants.
    Recursive,
    /// `prefix`: traced, and pointers to the type are pointers to it.
    Prefix,
}

impl FieldOption {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut option = Self::Traced;
        each_option(attributes, FIELD_OPTIONS, |name, _| {
            let chosen = match name.to_string().as_str() {
                "require_static" => Self::RequireStatic,
                "recursive" => Self::Recursive,
                "prefix" => Self::Prefix,
                _ => return Ok(false),
            };
            if option != Self::Traced {
                return Err(Error::new(
                    name.span(),
                    "`require_static`, `recursive` and `prefix` exclude each other: a field that is not traced is not asked \
                     for its constants either, and a prefix is traced like any field",
                ));
            }
            option = chosen;
            Ok(true)
        })?;
        Ok(option)
    }
}

/// Refuses `#[trace(...)]` where it has no meaning; `reason` completes the message.
pub(crate) fn refuse(attributes: &[Attribute], reason: &str) -> Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident("trace")) {
        Some(attribute) => Err(Error::new_spanned(attribute, format!("`#[trace(...)]` has no effect here: {reason}"))),
        None => Ok(()),
    }
}

/// Calls `take` with each option's name, and the input behind the name. `take` says whether it knows the option.
fn each_option(
    attributes: &[Attribute],
    valid: &str,
    mut take: impl FnMut(&Ident, ParseStream<'_>) -> Result<bool>,
) -> Result<()> {
    let mut seen: Vec<Ident> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("trace")) {
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let name = Ident::parse_any(input)
                    .map_err(|error| Error::new(error.span(), format!("expected the name of an option; {valid}")))?;
                if seen.contains(&name) {
                    return Err(Error::new(name.span(), format!("`{name}` is given twice; {valid}")));
                }
                if !take(&name, input)? {
                    return Err(Error::new(name.span(), format!("unknown option `{name}`; {valid}")));
                }
                if !input.is_empty() && !input.peek(Token![,]) {
                    return Err(input.error(format!("expected a comma after `{name}`; {valid}")));
                }
                input.parse::<Option<Token![,]>>()?;
                seen.push(name);
            }
            Ok(())
        };
        match &attribute.meta {
            Meta::List(list) if !list.tokens.is_empty() => parser.parse2(list.tokens.clone())?,
            other => {
                return Err(Error::new(other.span(), format!("expected `#[trace(...)]` with an option; {valid}")));
            }
        }
    }
    Ok(())
}

fn lifetime(name: &Ident, input: ParseStream<'_>) -> Result<Lifetime> {
    let parse = || {
        input.parse::<Token![=]>()?;
        input.parse()
    };
    parse().map_err(|_: Error| Error::new(name.span(), "expected a lifetime, as in `gc_lifetime = 'gc`"))
}

fn path(name: &Ident, input: ParseStream<'_>) -> Result<Path> {
    let parse = || {
        input.parse::<Token![=]>()?;
        input.call(Path::parse_mod_style)
    };
    parse().map_err(|_: Error| {
        Error::new(name.span(), "expected the path by which the program reaches heap-core, as in `crate = ::gc`")
    })
}

fn predicates(name: &Ident, input: ParseStream<'_>) -> Result<Vec<WherePredicate>> {
    let parse = || {
        input.parse::<Token![=]>()?;
        input.parse()
    };
    let text: LitStr = parse().map_err(|_: Error| {
        Error::new(name.span(), "expected where-predicates in a string, as in `bound = \"T: Trace<'gc>\"`")
    })?;
    let parser = |input: ParseStream<'_>| {
        input.parse::<Option<Token![where]>>()?;
        Punctuated::<WherePredicate, Token![,]>::parse_terminated(input)
    };
    let predicates = text.parse_with(parser).map_err(|error| {
        Error::new(text.span(), format!("`bound` does not hold where-predicates such as `T: Trace<'gc>`: {error}"))
    })?;
    Ok(predicates.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{FieldOption, TypeOptions, refuse};
    use quote::ToTokens;
    use syn::{Attribute, parse_quote};

    fn type_error(attributes: &[Attribute]) -> String {
        TypeOptions::of(attributes).err().expect("the attribute is refused").to_string()
    }

    fn field_error(attributes: &[Attribute]) -> String {
        FieldOption::of(attributes).expect_err("the attribute is refused").to_string()
    }

    #[test]
    fn reads_the_options_of_a_type() {
        let options =
            TypeOptions::of(&[parse_quote!(#[trace(gc_lifetime = 'b, bound = "where T: Trace<'b>, U: Copy,")])]);
        let options = options.expect("the options are valid");
        assert_eq!(options.gc_lifetime.expect("given").to_string(), "'b");
        let bound: Vec<_> = options.bound.expect("given").iter().map(|p| p.to_token_stream().to_string()).collect();
        assert_eq!(bound, ["T : Trace < 'b >", "U : Copy"]);
    }

    #[test]
    fn reads_the_path_of_the_crate() {
        let path =
            |attribute| TypeOptions::of(&[attribute]).map(|options| options.crate_path.to_token_stream().to_string());
        assert_eq!(path(parse_quote!(#[trace(crate = ::gc)])).expect("valid"), ":: gc");
        assert_eq!(path(parse_quote!(#[trace(crate = crate::heap, require_static)])).expect("valid"), "crate :: heap");
        for wrong in [parse_quote!(#[trace(crate)]), parse_quote!(#[trace(crate = "gc")])] {
            assert!(path(wrong).expect_err("refused").to_string().contains("`crate = ::gc`"));
        }
    }

    #[test]
    fn an_empty_bound_is_not_a_missing_one() {
        let options = TypeOptions::of(&[parse_quote!(#[trace(bound = "")])]).expect("the option is valid");
        assert!(options.bound.expect("given").is_empty());
    }

    #[test]
    fn reads_the_options_of_a_field() {
        let option = |attribute| FieldOption::of(&[attribute]).ok();
        assert_eq!(FieldOption::of(&[]).ok(), Some(FieldOption::Traced));
        assert_eq!(option(parse_quote!(#[trace(require_static)])), Some(FieldOption::RequireStatic));
        assert_eq!(option(parse_quote!(#[trace(recursive)])), Some(FieldOption::Recursive));
        assert_eq!(option(parse_quote!(#[trace(prefix)])), Some(FieldOption::Prefix));
        assert_eq!(option(parse_quote!(#[serde(skip)])), Some(FieldOption::Traced));
    }

    #[test]
    fn misuse_lists_the_valid_options() {
        let misuses: [Attribute; 6] = [
            parse_quote!(#[trace(foo)]),
            parse_quote!(#[trace]),
            parse_quote!(#[trace()]),
            parse_quote!(#[trace = "foo"]),
            parse_quote!(#[trace("foo")]),
            parse_quote!(#[trace(require_static = true)]),
        ];
        for misuse in misuses {
            let error = type_error(std::slice::from_ref(&misuse));
            assert!(
                error.contains(
                    "a type takes `gc_lifetime = 'gc`, `bound = \"...\"`, `require_static` and `crate = ...`"
                ),
                "{error}"
            );
            let error = field_error(&[misuse]);
            assert!(error.contains("a field takes `require_static`, `recursive` and `prefix`"), "{error}");
        }
        assert!(type_error(&[parse_quote!(#[trace(recursive)])]).contains("unknown option `recursive`"));
        assert!(field_error(&[parse_quote!(#[trace(bound = "")])]).contains("unknown option `bound`"));
    }

    #[test]
    fn duplicates_are_refused() {
        let twice = "is given twice";
        assert!(type_error(&[parse_quote!(#[trace(bound = "", bound = "")])]).contains(twice));
        assert!(
            type_error(&[parse_quote!(#[trace(require_static)]), parse_quote!(#[trace(require_static)])])
                .contains(twice)
        );
        assert!(field_error(&[parse_quote!(#[trace(recursive, recursive)])]).contains(twice));
    }

    #[test]
    fn contradictions_are_refused() {
        assert!(type_error(&[parse_quote!(#[trace(require_static, bound = "")])]).contains("remove them"));
        assert!(field_error(&[parse_quote!(#[trace(require_static, recursive)])]).contains("exclude each other"));
        assert!(field_error(&[parse_quote!(#[trace(prefix, recursive)])]).contains("exclude each other"));
    }

    #[test]
    fn wrong_values_are_explained() {
        assert!(type_error(&[parse_quote!(#[trace(gc_lifetime)])]).contains("`gc_lifetime = 'gc`"));
        assert!(type_error(&[parse_quote!(#[trace(gc_lifetime = "gc")])]).contains("`gc_lifetime = 'gc`"));
        assert!(type_error(&[parse_quote!(#[trace(bound = T)])]).contains("in a string"));
        assert!(type_error(&[parse_quote!(#[trace(bound = "T +")])]).contains("does not hold where-predicates"));
    }

    #[test]
    fn refusal_gives_its_reason() {
        assert!(refuse(&[parse_quote!(#[doc = ""])], "unused").is_ok());
        let error = refuse(&[parse_quote!(#[trace(recursive)])], "variants have no options").unwrap_err();
        assert!(error.to_string().ends_with("variants have no options"));
    }
}
