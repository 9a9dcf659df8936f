from penstock.common.completable_future import *
