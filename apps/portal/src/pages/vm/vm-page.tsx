export function VmPage() {
  return <h1>VmPage</h1>;
}
