import { Link } from "@tanstack/react-router";
import { pageOf } from "../api/urns.ts";

/** An object's name, leading to its page where it has one. */
export function ObjectLink({ urn, name }: { urn: string; name: string }) {
  const page = pageOf(urn);
  return page === undefined ? name || urn : <Link to={page}>{name || urn}</Link>;
}
