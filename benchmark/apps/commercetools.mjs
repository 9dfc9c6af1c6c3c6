// Starts commercetools-mock as its own server does, on one address: node commercetools.mjs PORT HOST
import { CommercetoolsMock } from '@labdigital/commercetools-mock'

const [port, host] = process.argv.slice(2)
const mock = new CommercetoolsMock({ strict: true, silent: true })
await mock.app.listen({ port: Number(port), host })
