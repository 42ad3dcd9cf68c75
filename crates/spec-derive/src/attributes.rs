//! Reads the `#[command]`, `#[arg]` and `#[key]` attributes and doc comments.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Ident, LitStr, Token, parenthesized, punctuated::Punctuated};

/// The contents of `#[command(...)]`.
#[derive(Default)]
pub(crate) struct CommandAttr {
    pub(crate) name: Option<String>,
    pub(crate) group: Option<Ident>,
    pub(crate) since: Option<String>,
    pub(crate) complexity: Option<String>,
    pub(crate) flags: Vec<Ident>,
    pub(crate) categories: Vec<Ident>,
    pub(crate) tips: Vec<LitStr>,
    pub(crate) doc_flags: Vec<Ident>,
    pub(crate) deprecated_since: String,
    pub(crate) replaced_by: String,
    pub(crate) keys: Option<Expr>,
    pub(crate) reach: Option<Expr>,
    pub(crate) args: Option<Expr>,
    pub(crate) history: Option<Expr>,
    pub(crate) arity: Option<Expr>,
    pub(crate) excess_is_arity: bool,
    pub(crate) manual: bool,
}

impl CommandAttr {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("command")) {
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.require_ident()?.to_string();
                let text = || -> syn::Result<String> { Ok(meta.value()?.parse::<LitStr>()?.value()) };
                let idents = || -> syn::Result<Vec<Ident>> {
                    let inside;
                    parenthesized!(inside in meta.input);
                    Ok(Punctuated::<Ident, Token![,]>::parse_terminated(&inside)?.into_iter().collect())
                };
                match key.as_str() {
                    "name" => found.name = Some(text()?),
                    "group" => found.group = Some(meta.value()?.parse()?),
                    "since" => found.since = Some(text()?),
                    "complexity" => found.complexity = Some(text()?),
                    "flags" => found.flags = idents()?,
                    "categories" => found.categories = idents()?,
                    "doc_flags" => found.doc_flags = idents()?,
                    "tips" => {
                        let inside;
                        parenthesized!(inside in meta.input);
                        found.tips =
                            Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?.into_iter().collect();
                    }
                    "deprecated_since" => found.deprecated_since = text()?,
                    "replaced_by" => found.replaced_by = text()?,
                    "keys" => found.keys = Some(meta.value()?.parse()?),
                    "reach" => found.reach = Some(meta.value()?.parse()?),
                    "args" => found.args = Some(meta.value()?.parse()?),
                    "history" => found.history = Some(meta.value()?.parse()?),
                    "arity" => found.arity = Some(meta.value()?.parse()?),
                    "excess_is_arity" => found.excess_is_arity = true,
                    "manual" => found.manual = true,
                    _ => return Err(meta.error("unknown word in #[command]")),
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// The contents of `#[arg(...)]` and `#[key(...)]` of one field or variant.
#[derive(Default)]
pub(crate) struct ArgAttr {
    pub(crate) token: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) since: String,
    pub(crate) deprecated_since: String,
    pub(crate) kind: Option<Ident>,
    pub(crate) trailing: bool,
    pub(crate) multiple_token: bool,
    pub(crate) hidden: bool,
    pub(crate) key_flags: Option<Vec<Ident>>,
}

impl ArgAttr {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("key") {
                let flags = attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?;
                found.key_flags = Some(flags.into_iter().collect());
            }
            if !attribute.path().is_ident("arg") {
                continue;
            }
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.require_ident()?.to_string();
                let text = || -> syn::Result<String> { Ok(meta.value()?.parse::<LitStr>()?.value()) };
                match key.as_str() {
                    "token" => found.token = Some(text()?),
                    "name" => found.name = Some(text()?),
                    "since" => found.since = text()?,
                    "deprecated_since" => found.deprecated_since = text()?,
                    "kind" => found.kind = Some(meta.value()?.parse()?),
                    "trailing" => found.trailing = true,
                    "multiple_token" => found.multiple_token = true,
                    "hidden" => found.hidden = true,
                    _ => return Err(meta.error("unknown word in #[arg]")),
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The flags of `#[key(...)]` as a constant expression.
    pub(crate) fn key_flags_expr(&self) -> Option<TokenStream> {
        let flags = self.key_flags.as_ref()?;
        let parts = flags.iter().map(|flag| {
            let name = Ident::new(&flag.to_string().to_uppercase(), flag.span());
            quote!(.with(::spinel_family::spec::KeyFlags::#name))
        });
        Some(quote!(::spinel_family::spec::KeyFlags::NONE #(#parts)*))
    }
}

/// The first paragraph of the doc comment, on one line.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        let syn::Meta::NameValue(pair) = &attribute.meta else { continue };
        let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &pair.value else { continue };
        let line = line.value();
        let line = line.trim();
        if line.is_empty() {
            if text.is_empty() {
                continue;
            }
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}
