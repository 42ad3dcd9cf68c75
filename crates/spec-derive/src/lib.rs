//! Derives a command's parser and description from its struct.
//!
//! Three derives, one grammar:
//! - `Command` on a struct: fields in order are the command's arguments; yields `Grammar` (the constant `Spec`)
//!   and `Parse`.
//! - `Block` on a struct: several words that belong together (`LIMIT offset count`); yields `Field`.
//! - `Choice` on an enum: one of several tokens, each perhaps with values (`EX seconds | PX milliseconds`);
//!   yields `Choice`.
//!
//! A field is *positional* unless it is an option. Options are `bool` or `Option<T>`/`Vec<T>` with
//! `#[arg(token = "...")]`, and `Option<C>` of a `Choice`; they may stand in any order. Options before
//! positional fields end at the first word that is none of them; options at the end must use up all words.
//! `#[arg(trailing)]` on an `Option<T>` makes it an optional positional word.
//!
//! What it deliberately does not know: the meaning of any command, and any type by name except `Option`, `Vec`
//! and `bool`. Everything else comes from the traits of crate `family`.

#![forbid(unsafe_code)]

mod attributes;
mod command;
mod fields;
mod parts;

use proc_macro::TokenStream;

/// See the crate's documentation.
#[proc_macro_derive(Command, attributes(command, arg, key))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    expand(input, command::expand)
}

/// See the crate's documentation.
#[proc_macro_derive(Block, attributes(arg, key))]
pub fn derive_block(input: TokenStream) -> TokenStream {
    expand(input, parts::expand_block)
}

/// See the crate's documentation.
#[proc_macro_derive(Choice, attributes(arg))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    expand(input, parts::expand_choice)
}

fn expand(
    input: TokenStream,
    with: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    with(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
