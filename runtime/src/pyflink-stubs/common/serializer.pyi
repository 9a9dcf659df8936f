from penstock.common.serializer import *
