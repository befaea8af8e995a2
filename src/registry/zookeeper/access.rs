//! The ACL of the nodes that this program creates: that of the masters' own nodes.

use futures::future::try_join_all;
use zookeeper_client::{Acl, Acls, AuthId, Error, Permission};

use super::servers::{below, children};
use super::session::Session;
use crate::registry::RegistryError;

/// As in DolphinScheduler: with a digest, only its creator may access a node. The server accepts
/// any digest, right or wrong, and if the masters use none, they have no access to a lock node
/// created with one: they could not wait for it, and because of parents that stay they could never
/// acquire it again. So if one of the masters' nodes is open to all, so are the new ones.
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
        // Without any master, their parent is the node that they created.
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
        // A node that is gone, or whose ACL cannot be read, shows nothing.
        Err(Error::NoNode | Error::NoAuth) => Ok(false),
        Err(error) => Err(session.error(node, &error)),
    }
}
