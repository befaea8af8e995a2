//! A ZooKeeper that does not let everybody in: what is given to the program lets it do all that it
//! does elsewhere, and what is missing is named.

mod certificates;
#[cfg(feature = "kerberos")]
mod kerberos;
mod sasl;
mod tls;
