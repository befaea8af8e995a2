//! Who may do what with the nodes that we make: whoever may with the masters' own.

use futures::future::try_join_all;
use zookeeper_client::{Acl, Acls, AuthId, Error, Permission};

use super::servers::{below, children};
use super::session::Session;
use crate::registry::RegistryError;

/// As DolphinScheduler does: with a digest, every node belongs to its creator alone. The server
/// takes any digest, right or wrong, and where the masters use none, a lock that one of ours has
/// closed is closed to them: they could not wait for it, and by parents that stay they could never
/// take it again. So where one of the masters' nodes is open to all, ours are.
pub(super) async fn of_masters(
    session: &Session,
    parent: &str,
) -> Result<Acls<'static>, RegistryError> {
    if !session.has_digest() {
        return Ok(Acls::anyone_all());
    }
    let names = children(session, parent).await?.unwrap_or_default();
    let mut nodes: Vec<String> = names.iter().map(|name| below(parent, name)).collect();
    if nodes.is_empty() {
        // Without any master, their parent is what they have made.
        nodes.push(parent.to_owned());
    }
    let open = try_join_all(nodes.iter().map(|node| is_open(session, node))).await?;
    Ok(if open.contains(&true) {
        Acls::anyone_all()
    } else {
        Acls::creator_all()
    })
}

async fn is_open(session: &Session, node: &str) -> Result<bool, RegistryError> {
    match session.retried(|| session.client().get_acl(node)).await {
        Ok((acls, _)) => Ok(acls.contains(&Acl::new(Permission::ALL, AuthId::anyone()))),
        // Who has gone, or lets nobody read this, says nothing.
        Err(Error::NoNode | Error::NoAuth) => Ok(false),
        Err(error) => Err(session.error(node, &error)),
    }
}
