// Starts Scalar's mock server on a document: node scalar.mjs PORT HOST DOCUMENT
import { readFileSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { createMockServer } from '@scalar/mock-server'

const [port, hostname, document] = process.argv.slice(2)
const app = await createMockServer({
  document: JSON.parse(readFileSync(document, 'utf8')),
  logger: false,
})
serve({ fetch: app.fetch, port: Number(port), hostname })
