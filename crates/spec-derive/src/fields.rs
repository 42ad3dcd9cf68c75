//! Classifies the fields of a struct and writes the code that parses and describes them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Field, GenericArgument, Ident, PathArguments, Type};

use crate::attributes::ArgAttr;

/// How a field takes its words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// In its place.
    Positional,
    /// In its place if there are words left.
    Trailing,
    /// A token without a value: `bool`.
    Flag,
    /// A token with a value: `Option<T>`.
    Valued,
    /// A token with a value that may come again: `Vec<T>`.
    Repeated,
    /// One of several tokens: `Option<C>`.
    Choice,
}

/// A field, understood.
pub(crate) struct Part {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) inner: Type,
    pub(crate) role: Role,
    pub(crate) attr: ArgAttr,
}

impl Part {
    pub(crate) fn read(field: &Field, index: usize) -> syn::Result<Self> {
        let attr = ArgAttr::read(&field.attrs)?;
        let ident = field.ident.clone().unwrap_or_else(|| format_ident!("part{index}"));
        let optional = inner_of(&field.ty, "Option");
        let repeated = inner_of(&field.ty, "Vec");
        let (role, inner) = match (&attr.token, optional, repeated) {
            (_, Some(inner), _) if attr.trailing => (Role::Trailing, inner),
            (Some(_), Some(inner), _) => (Role::Valued, inner),
            (Some(_), None, Some(inner)) => (Role::Repeated, inner),
            (Some(_), None, None) => (Role::Flag, field.ty.clone()),
            (None, Some(inner), _) => (Role::Choice, inner),
            (None, None, _) => (Role::Positional, field.ty.clone()),
        };
        Ok(Self { ident, ty: field.ty.clone(), inner, role, attr })
    }

    pub(crate) fn is_option(&self) -> bool {
        matches!(self.role, Role::Flag | Role::Valued | Role::Repeated | Role::Choice)
    }

    /// The variable that holds the field while the words are read: never one that the code around it uses.
    pub(crate) fn local(&self) -> Ident {
        format_ident!("{}_field", self.ident)
    }

    /// The field's place in the struct's literal.
    pub(crate) fn filled(&self) -> TokenStream {
        let (ident, local) = (&self.ident, self.local());
        quote!(#ident: #local)
    }

    pub(crate) fn name(&self) -> String {
        let ident = self.ident.to_string();
        self.attr.name.clone().unwrap_or_else(|| ident.trim_start_matches("r#").replace('_', "-"))
    }

    /// The `Shape` constant of this field.
    pub(crate) fn shape(&self) -> TokenStream {
        let inner = &self.inner;
        match self.role {
            Role::Positional => quote!(<#inner as ::spinel_family::Field<'static>>::SHAPE),
            Role::Trailing => quote!(<#inner as ::spinel_family::Field<'static>>::SHAPE.or_absent()),
            Role::Valued => quote!(<#inner as ::spinel_family::Field<'static>>::SHAPE.or_absent()),
            Role::Repeated => {
                quote!(<#inner as ::spinel_family::Field<'static>>::SHAPE.or_absent().repeated())
            }
            Role::Flag => quote!(
                ::spinel_family::spec::Shape::word(::spinel_family::spec::ArgKind::PureToken).or_absent()
            ),
            Role::Choice => quote!(<#inner as ::spinel_family::Choice<'static>>::SHAPE.or_absent()),
        }
    }

    /// The `ArgSpec` constant(s) of this field; a spread shape's own children stand in its place.
    pub(crate) fn arg(&self, key_spec: Option<usize>) -> TokenStream {
        let shape = self.shape();
        let name = self.name();
        let token = self.attr.token.clone().unwrap_or_default();
        let since = &self.attr.since;
        let deprecated_since = &self.attr.deprecated_since;
        let multiple_token = self.attr.multiple_token;
        let kind =
            self.attr.kind.as_ref().map(|kind| quote!(spec.kind = ::spinel_family::spec::ArgKind::#kind;));
        let key_spec = key_spec.map(|index| quote!(spec.key_spec = Some(#index);));
        quote!({
            let mut spec = #shape.arg(#name, #token);
            spec.since = #since;
            spec.deprecated_since = #deprecated_since;
            spec.flags.multiple_token = #multiple_token;
            #kind
            #key_spec
            spec
        })
    }

    /// The initial value of an option's variable.
    pub(crate) fn declare(&self) -> TokenStream {
        let (ident, ty) = (&self.local(), &self.ty);
        match self.role {
            Role::Positional | Role::Trailing => quote!(),
            Role::Flag => quote!(let mut #ident: #ty = false;),
            Role::Valued | Role::Choice => quote!(let mut #ident: #ty = None;),
            Role::Repeated => quote!(let mut #ident: #ty = Vec::new();),
        }
    }

    /// Code that tries to read this option from `word`, ending in `continue` on success.
    pub(crate) fn try_option(&self) -> TokenStream {
        let (ident, inner) = (&self.local(), &self.inner);
        let token = self.attr.token.clone().unwrap_or_default();
        let value = quote!(<#inner as ::spinel_family::Field<'a>>::parse(__words)?);
        let is_token = quote!(::spinel_family::is_token(__word, #token));
        match self.role {
            Role::Positional | Role::Trailing => quote!(),
            Role::Flag => quote!(if #is_token { __words.skip_one(); #ident = true; continue; }),
            Role::Valued => quote!(if #is_token { __words.skip_one(); #ident = Some(#value); continue; }),
            Role::Repeated => quote!(if #is_token { __words.skip_one(); #ident.push(#value); continue; }),
            Role::Choice => quote!(
                if let Some(chosen) = <#inner as ::spinel_family::Choice<'a>>::take(__word, __words)? {
                    ::spinel_family::choose(&mut #ident, chosen)?;
                    continue;
                }
            ),
        }
    }

    /// Code that reads a positional field.
    pub(crate) fn read_positional(&self) -> TokenStream {
        let (ident, inner) = (&self.local(), &self.inner);
        match self.role {
            Role::Positional => quote!(let #ident = <#inner as ::spinel_family::Field<'a>>::parse(__words)?;),
            Role::Trailing => quote!(
                let #ident = if __words.is_empty() {
                    None
                } else {
                    Some(<#inner as ::spinel_family::Field<'a>>::parse(__words)?)
                };
            ),
            _ => quote!(),
        }
    }
}

/// `T` of `Wrapper<T>`.
fn inner_of(ty: &Type, wrapper: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if last.ident != wrapper {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner.clone()),
        _ => None,
    }
}

/// The type with every lifetime replaced by `'static`, for use in constants.
pub(crate) fn with_static_lifetimes(tokens: TokenStream) -> TokenStream {
    use proc_macro2::{Group, TokenTree};
    let mut out = TokenStream::new();
    let mut after_quote = false;
    for tree in tokens {
        let tree = match tree {
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), with_static_lifetimes(group.stream()));
                new.set_span(group.span());
                TokenTree::Group(new)
            }
            TokenTree::Ident(ident) if after_quote => TokenTree::Ident(Ident::new("static", ident.span())),
            other => other,
        };
        after_quote = matches!(&tree, TokenTree::Punct(p) if p.as_char() == '\'');
        out.extend([tree]);
    }
    out
}
