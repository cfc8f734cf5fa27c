/** What other domains may use of identity. */
export { ADMINISTRATOR, type BootstrapResult } from "./bootstrap.ts";
export { ClientThrottle, type ThrottleOptions } from "./client-throttle.ts";
export { createIdentity, type Identity, type IdentityOptions } from "./identity.ts";
export { identityWireErrors } from "./identity.errors.ts";
export { headerText } from "./session.wire.ts";
export { ACCESS_LEVELS, type AccessLevel, type Actor } from "./user.ts";
