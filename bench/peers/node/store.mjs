// oidc-provider's Redis storage, with the commands of the adapter that its documentation shows:
// one key an entity, a hash for those that are consumed, a list of keys for each grant.
import { Redis } from 'ioredis';

export const redis = new Redis(process.env.REDIS_URL, { keyPrefix: 'oidc:' });

const CONSUMED = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode']);

const grantKey = (grantId) => `grant:${grantId}`;
const uidKey = (uid) => `uid:${uid}`;
const userCodeKey = (userCode) => `userCode:${userCode}`;

export class RedisAdapter {
  constructor(model) {
    this.model = model;
    this.isConsumed = CONSUMED.has(model);
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const text = JSON.stringify(payload);
    const multi = redis.multi();
    if (this.isConsumed) multi.hset(key, 'payload', text);
    else multi.set(key, text);
    if (expiresIn) multi.expire(key, expiresIn);
    if (payload.grantId) {
      const list = grantKey(payload.grantId);
      multi.rpush(list, key);
      if (expiresIn > (await redis.ttl(list))) multi.expire(list, expiresIn);
    }
    for (const alias of this.aliases(payload)) multi.set(alias, id, 'EX', expiresIn);
    await multi.exec();
  }

  async find(id) {
    if (!this.isConsumed) {
      const text = await redis.get(this.key(id));
      return text ? JSON.parse(text) : undefined;
    }
    const { payload, ...rest } = await redis.hgetall(this.key(id));
    return payload ? { ...rest, ...JSON.parse(payload) } : undefined;
  }

  async findByUid(uid) {
    return this.find(await redis.get(uidKey(uid)));
  }

  async findByUserCode(userCode) {
    return this.find(await redis.get(userCodeKey(userCode)));
  }

  async consume(id) {
    await redis.hset(this.key(id), 'consumed', Math.floor(Date.now() / 1000));
  }

  async destroy(id) {
    await redis.del(this.key(id));
  }

  async revokeByGrantId(grantId) {
    const keys = await redis.lrange(grantKey(grantId), 0, -1);
    await redis.del(...keys, grantKey(grantId));
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  aliases(payload) {
    const found = [];
    if (payload.uid) found.push(uidKey(payload.uid));
    if (payload.userCode) found.push(userCodeKey(payload.userCode));
    return found;
  }
}
