export function CreateVmPage() {
  return <h1>CreateVmPage</h1>;
}
